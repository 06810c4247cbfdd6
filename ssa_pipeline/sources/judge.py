"""Is a 200 what was asked for? Providers answer with web pages, JSON errors and one-line texts, all with status 200."""

from __future__ import annotations

import csv

from ssa_pipeline.core.catalog.segments import are_segments
from ssa_pipeline.core.records import GP, SATCAT, SUPPLEMENTAL_GP
from ssa_pipeline.messages.catalog import CatalogFormatError, parse_catalog
from ssa_pipeline.messages.satcat import parse_table
from ssa_pipeline.sources.errors import NotCatalogError
from ssa_pipeline.sources.fetching import Query

_ANY_TEXT = ("text/plain", "application/octet-stream")
_CONTENT_TYPES = {"csv": ("text/csv", "application/csv", *_ANY_TEXT), "json": ("application/json", *_ANY_TEXT)}
# Columns that name such a file, in CelesTrak's or Space-Track's spelling.
_COLUMNS = {
    SATCAT: {"NORAD_CAT_ID", "OBJECT_TYPE"},
    "decay": {"NORAD_CAT_ID", "DECAY_EPOCH"},
    "tip": {"NORAD_CAT_ID", "DECAY_EPOCH"},
}


def check_answer(query: Query, data: bytes, content_type: str | None = None) -> None:
    """NotCatalogError says what came instead."""
    kind = (content_type or "").split(";")[0].strip().lower()
    form = "json" if query.file_name.endswith(".json") else "csv"
    if kind and kind not in _CONTENT_TYPES[form]:
        raise NotCatalogError(
            f"{query.key}: answered with content type {kind}, not {form.upper()} ({_beginning(data)})"
        )
    if query.kind not in (GP, SUPPLEMENTAL_GP):
        _check_columns(query, data, _COLUMNS[query.kind])
    check_content(query, data)


def check_content(query: Query, data: bytes) -> str:
    """The kind of the bytes: that of the query; or, where GP was asked for and the names say that the sets are
    segments, supplemental GP. NotCatalogError where they are neither, or nothing in them can be used."""
    if query.kind in (GP, SUPPLEMENTAL_GP):
        return _check_catalog(query, data)
    _check_table(query, data)
    return query.kind


def _check_catalog(query: Query, data: bytes) -> str:
    try:
        catalog = parse_catalog(data, query.file_name, accept_bad_checksums=query.accept_bad_checksums)
    except CatalogFormatError as error:
        raise NotCatalogError(f"{query.key}: {error}") from None
    if not len(catalog.element_sets):
        raise NotCatalogError(
            f"{query.key}: none of {len(catalog.rejected)} records can be used; "
            f"the first: {catalog.rejected[0].detail if catalog.rejected else 'there is none'}"
        )
    return SUPPLEMENTAL_GP if are_segments(catalog.element_sets.object_name) else query.kind


def _check_columns(query: Query, data: bytes, wanted: set[str]) -> None:
    lines = data.decode("utf-8-sig", "replace").splitlines()
    columns = {name.strip().upper() for name in next(csv.reader(lines[:1]), [])}
    if not wanted <= columns:
        missing = ", ".join(sorted(wanted - columns))
        raise NotCatalogError(f"{query.key}: no {query.kind} table, column {missing} is missing ({_beginning(data)})")


def _check_table(query: Query, data: bytes) -> None:
    try:
        table = parse_table(data, query.file_name)
    except CatalogFormatError as error:
        raise NotCatalogError(f"{query.key}: {error}") from None
    if table.kind != query.kind:
        raise NotCatalogError(f"{query.key}: answered with a {table.kind} table")
    if not len(table):
        raise NotCatalogError(
            f"{query.key}: none of {len(table.rejected)} rows can be used; "
            f"the first: {table.rejected[0].detail if table.rejected else 'there is none'}"
        )


def _beginning(data: bytes, shown: int = 60) -> str:
    return f"it begins {data[:shown]!r}" if data else "it is empty"
