"""The services of this home: PostgreSQL, Dagster's daemon and webserver, as processes that outlive the command.

The processes are the only record of what runs (``state``): what each is, and what it was started with, is in its
environment. Everything here may be interrupted and called again.

What does not belong here: the loop that looks after them (``watcher``), and what runs inside them.
"""
