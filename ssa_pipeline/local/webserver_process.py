"""Dagster's webserver behind our guard (``ui_guard``), which looks whether a pooled connection to the database lives
before it uses it.

It keeps a connection to each of Dagster's stores open; after a restart of the database the first request over each of
them would fail, a launch among them. Dagster has no option for that (``--db-pool-recycle`` goes by age). Run as a
script, with the arguments of ``dagster-webserver``.
"""

from __future__ import annotations

import sys
from typing import Any

import dagster_webserver.app
import psycopg2
from dagster_webserver.webserver import DagsterWebserver
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import Pool
from starlette.middleware import Middleware

from ssa_pipeline.local import code_server
from ssa_pipeline.local.dagster_home import workspace_file
from ssa_pipeline.local.ui_guard import UiGuard
from ssa_pipeline.settings import read_settings


@event.listens_for(Pool, "checkout")
def _demand_life(connection: psycopg2.extensions.connection, *_: object) -> None:
    """SQLAlchemy then connects anew."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error as error:
        raise DisconnectionError from error


class GuardedWebserver(DagsterWebserver[Any, Any]):
    """``build_middleware`` is where Dagster's own descendants of the class add theirs."""

    def build_middleware(self) -> list[Middleware]:
        return [Middleware(UiGuard, hosts=read_settings().ui_hosts), *super().build_middleware()]


if __name__ == "__main__":
    from dagster_webserver.cli import main

    assert dagster_webserver.app.DagsterWebserver is DagsterWebserver  # type: ignore[attr-defined]  # noqa: S101
    dagster_webserver.app.DagsterWebserver = GuardedWebserver  # type: ignore[attr-defined]
    settings = read_settings()
    code_server.wait_where_it_is_used(settings, workspace_file(settings), sys.argv)
    main()  # type: ignore[no-untyped-call]
