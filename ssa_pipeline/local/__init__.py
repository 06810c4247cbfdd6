"""Starting, watching and stopping this installation's processes: PostgreSQL, Dagster's webserver and daemon.

What belongs here: processes, locks, ports, disk and memory of the machine. What does not: SQL of the pipeline,
Dagster definitions. Nothing is imported at package level, so that storage may use the parts without Dagster.
"""
