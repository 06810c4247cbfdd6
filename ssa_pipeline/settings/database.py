"""Where the database is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from ssa_pipeline.settings.values import MOST_PORT, SettingsError, number


@dataclass(frozen=True)
class DatabaseUrl:
    """One PostgreSQL address in the spellings of its users (SQLAlchemy 2.1 reads a bare ``postgresql://`` as
    psycopg 3, dagster-postgres needs psycopg2)."""

    url: str  # normalised: postgresql://user:password@host:port/dbname?options

    @classmethod
    def parse(cls, text: str) -> DatabaseUrl:
        """The address in a user's spelling. SettingsError where it has another scheme or names no database."""
        parts = urlsplit(text)
        scheme = parts.scheme.split("+")[0]
        if scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
            wanted = "postgresql://user:password@host:5432/name"
            raise SettingsError(f"DATABASE_URL must look like {wanted}, not {_safe(text)}")
        return cls(urlunsplit(("postgresql", parts.netloc, parts.path, parts.query, "")))

    @property
    def psycopg(self) -> str:
        return self.url

    @property
    def sqlalchemy(self) -> str:
        return self.url.replace("postgresql://", "postgresql+psycopg://", 1)

    @property
    def dagster(self) -> str:
        """With Dagster's own schema as search path, or its Alembic table and ours collide."""
        url = self.with_options("-csearch_path=dagster")
        return url.replace("postgresql://", "postgresql+psycopg2://", 1)

    def with_options(self, options: str) -> str:
        """The address with server options after those that it has (``?options=-c …``): of one given twice the last
        counts, and a second ``options`` would replace the first whole."""
        parts = urlsplit(self.url)
        given = parse_qsl(parts.query, keep_blank_values=True)
        own = [value for name, value in given if name == "options" and value]
        others = [(name, value) for name, value in given if name != "options"]
        query = urlencode([*others, ("options", " ".join([*own, options]))], quote_via=quote)
        return urlunsplit(parts._replace(query=query))

    @property
    def without_password(self) -> str:
        return _safe(self.url)


def _safe(url: str) -> str:
    """The address without its secrets: between ``:`` and ``@``, and in parameters (``?password=``, …)."""
    parts = urlsplit(url)
    if parts.password is not None:
        url = url.replace(f":{parts.password}@", ":***@", 1)
    return re.sub(r"(?i)(password\s*=\s*)('[^']*'|[^&#\s]*)", r"\1***", url)


def read_database_url(env: Mapping[str, str]) -> DatabaseUrl | None:
    """DATABASE_URL, else POSTGRES_HOST and what goes with it, else None. SettingsError where it is no such address."""
    if env.get("DATABASE_URL"):
        return DatabaseUrl.parse(env["DATABASE_URL"])
    if not env.get("POSTGRES_HOST"):
        return None
    user = quote(env.get("POSTGRES_USER", "postgres"), safe="")
    password = quote(env.get("POSTGRES_PASSWORD", ""), safe="")
    login = f"{user}:{password}" if password else user
    port = number(env, "POSTGRES_PORT", 5432, minimum=1, maximum=MOST_PORT)
    name = quote(env.get("POSTGRES_DB", "ssa"), safe="")
    return DatabaseUrl.parse(f"postgresql://{login}@{env['POSTGRES_HOST']}:{port}/{name}")
