"""The embedded PostgreSQL server of this home, and the address of the database in use.

What does not belong here: tables and statements (`storage`).
"""
