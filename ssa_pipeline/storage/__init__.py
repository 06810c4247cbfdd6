"""PostgreSQL: connections, statements, and five rooms: `schema`, `receipts`, `slices`, `questions`, `upkeep`.

What does not belong here: Dagster, rules of the pipeline, and the server itself (`local.postgres`).
"""
