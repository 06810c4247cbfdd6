"""The chain by name and by rule: links and slices, what must be computed, which release waits, what a verdict means.

What does not belong here: Dagster, SQL, files, the network. What is decided here is asked for by sensors, jobs and the
command line alike.
"""
