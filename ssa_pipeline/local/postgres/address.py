"""Which database this installation uses now."""

from __future__ import annotations

from ssa_pipeline.local import disk
from ssa_pipeline.local.postgres.errors import DatabaseNotRunningError
from ssa_pipeline.local.postgres.server import EmbeddedPostgres
from ssa_pipeline.settings import DatabaseUrl, Settings


def embedded_server(settings: Settings, *, minimum_free_bytes: int | None = None) -> EmbeddedPostgres:
    """The embedded server of this home (running or not). ``minimum_free_bytes``: to start with less than usual."""
    return EmbeddedPostgres(settings.home / "postgres", minimum_free_bytes=minimum_free_bytes)


def database_url(settings: Settings) -> DatabaseUrl:
    """The external database where one is set, else the running embedded one; DatabaseNotRunningError."""
    if settings.database_url is not None:
        return settings.database_url
    server = embedded_server(settings)
    if not server.is_running():
        place = server.cluster_dir.parent if server.exists() else settings.home
        if disk.is_full(place):
            raise DatabaseNotRunningError(f"{disk.described(place)}, so the database does not run: {disk.REMEDY}")
        raise DatabaseNotRunningError("the database is not running: start it with `ssa up`, or set DATABASE_URL")
    return server.url
