"""The rows of a slice as people see them: their columns, from the storage contract, and a query that shows them."""

from __future__ import annotations

from dagster import TableColumn, TableSchema

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.storage.schema.quantities import QUANTITIES
from ssa_pipeline.storage.schema.tables import TABLE
from ssa_pipeline.storage.schema.views import VIEWS

_COLUMNS = {
    "raw_tle_snapshots": TABLE["catalog.element_set"].columns,
    "clean_catalog": TABLE["screening.clean_catalog"].columns,
    "ephemeris_chunks": TABLE["screening.ephemeris_chunk"].columns,
    "conjunction_candidates": TABLE["screening.conjunction_candidate"].columns,
    "refined_events": next(view for view in VIEWS if view.name == "events").columns,
}
_QUERIES = {
    "raw_tle_snapshots": "SELECT e.* FROM catalog.sighting s JOIN catalog.element_set e USING (element_set_id)"
    " WHERE s.epoch_day = DATE '{day}';",
    "clean_catalog": "SELECT * FROM screening.clean_catalog WHERE epoch_day = DATE '{day}';",
    "ephemeris_chunks": "SELECT * FROM screening.ephemeris_chunk WHERE epoch_day = DATE '{day}' AND lead_day = {lead};",
    "conjunction_candidates": "SELECT * FROM screening.conjunction_candidate"
    " WHERE epoch_day = DATE '{day}' AND lead_day = {lead};",
    "refined_events": "SELECT * FROM ssa.events WHERE epoch_day = DATE '{day}' AND lead_day = {lead};",
}


def column_schema(asset: str) -> TableSchema:
    """Names, types and comments (with units) of the columns that ``slice_query`` gives."""
    return TableSchema(
        columns=[TableColumn(name, QUANTITIES[name][0], description=QUANTITIES[name][1]) for name in _COLUMNS[asset]]
    )


def slice_query(key: SliceKey) -> str:
    """A SELECT that shows the rows of a slice, to be copied by people; the program never executes it."""
    return _QUERIES[key.asset].format(day=key.epoch_day, lead=key.lead_day)
