"""Dagster's webserver, which looks whether a pooled connection to the database lives before it uses it.

It keeps a connection to each of Dagster's stores open; after a restart of the database the first request over each of
them would fail, a launch among them. Dagster has no option for that (``--db-pool-recycle`` goes by age). Run as a
script, with the arguments of ``dagster-webserver``.
"""

from __future__ import annotations

import psycopg2
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import Pool


@event.listens_for(Pool, "checkout")
def _demand_life(connection: psycopg2.extensions.connection, *_: object) -> None:
    """SQLAlchemy then connects anew."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error as error:
        raise DisconnectionError from error


if __name__ == "__main__":
    from dagster_webserver.cli import main

    main()  # type: ignore[no-untyped-call]
