"""PostgreSQL: connections, statements, and five rooms: `schema`, `receipts`, `slices`, `questions`, `upkeep`.

Whoever takes an address raises DatabaseUnreachableError where no server answers, and psycopg's own errors where a
statement fails; docstrings name what is raised beyond that. Times are aware and UTC; in arrays they are int64
microseconds since 1970.

What does not belong here: Dagster, rules of the pipeline, and the server itself (`local.postgres`).
"""
