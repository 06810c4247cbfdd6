"""The contract of the public views; the three files ``*_views.sql`` hold their queries."""

from __future__ import annotations

from dataclasses import dataclass

from ssa_pipeline.storage.named_sql import sections
from ssa_pipeline.storage.schema.tables import ELEMENTS, EVENT_NUMBERS, PASSAGES, POSITION


@dataclass(frozen=True)
class View:
    name: str
    comment: str
    columns: tuple[str, ...]


_EVENT_VIEW = (
    "epoch_day", "lead_day", "tca_utc", "norad_id_1", "norad_id_2", "object_name_1", "object_name_2", "object_id_1",
    "object_id_2", *EVENT_NUMBERS, "epoch_1_utc", "epoch_2_utc", "event_class", "start_utc", "end_utc", "n_minima",
    "flags", "element_set_id_1", "element_set_id_2", "run_id", "code_version", "log_id", "written_at",
    "name_1", "name_2", "epoch_1", "epoch_2", "threshold_km", "constellation_1", "constellation_2", "regime_1",
    "regime_2", "object_type_1", "object_type_2", *POSITION, *PASSAGES,
)  # fmt: skip

VIEWS = (
    View("events", "Every close approach of every epoch day and lead day, complete with respect to the element sets "
         "used. Public sets are good to about 1 km at epoch, growing 1-3 km a day along track in LEO and far more "
         "after a manoeuvre: look at the ages.", _EVENT_VIEW),
    View("events_latest", "Every close approach once: for each UTC day covered, the rows of the newest epoch day "
         "whose refined_events slice covering that day exists (slices are written whole).", _EVENT_VIEW),
    View("event_changes", "Encounters that are new or gone from an epoch day to the next one that was screened, on the "
         "UTC days that both cover and within the smaller threshold, or the distance to which one was thinned. "
         "`ssa diff` compares any two days and says what changed.",
         ("epoch_day", "previous_epoch_day", "change", "norad_id_1", "norad_id_2", "object_name_1", "object_name_2",
          "tca_utc", "miss_distance_km", "relative_speed_km_s", "event_class", "start_utc", "end_utc")),
    View("proximity_intervals", "Persistent events of one epoch day, stitched over its lead days.",
         ("epoch_day", "norad_id_1", "norad_id_2", "object_name_1", "object_name_2", "start_utc", "end_utc",
          "duration_s", "tca_utc", "miss_distance_km", "relative_speed_km_s", "n_minima",
          "n_pieces",
          "first_lead_day", "last_lead_day", "is_open_before", "is_open_after",
          *PASSAGES)),
    View("objects", "Every object ever received, with its newest element set by epoch.",
         ("norad_id", "object_name", "object_id", "epoch_utc", "mean_motion_rev_per_day", "eccentricity",
          "inclination_deg", "period_min", "perigee_altitude_km", "apogee_altitude_km", "element_set_id",
          "is_in_newest_catalog", "object_type", "owner", "rcs_m2", "rcs_size", "operational_status", "launch_date",
          "decay_date", "constellation", "regime")),
    View("catalog_quality", "What was received, used and not used, per epoch day.",
         ("epoch_day", "snapshots_received", "records_received", "objects_used", "records_rejected", "objects_stale",
          "objects_forward_epoch", "rejected_by_rule", "age_median_days", "age_p95_days", "age_max_days",
          "objects_carried_over", "objects_supplemental", "objects_jumped", "gate_state", "gate_reasons",
          "gate_judged_at", "accepted_by", "accept_reason", "objects_by_type", "supplemental_snapshots_received",
          "supplemental_records_received", "objects_screened_in_part")),
    View("catalog_day", "The cleaned catalogue of every epoch day: which element set represents which object, where it "
         "came from, how old it is and what is to be known about it.",
         ("epoch_day", "norad_id", "object_name", "object_id", "flags", "is_carried_over", "is_forward_epoch", "source",
          "source_file", "source_line", "received_day", "received_age_days", "epoch", "age_days",
          "mean_motion_rev_per_day", "eccentricity", "inclination_deg", "n_sets", "element_set_id")),
    View("rejected_records", "Every record that is not used: rule, value, file, line, bytes.",
         ("epoch_day", "asset", "rule", "norad_id", "object_name", "detail", "source_file", "source_line",
          "snapshot_id", "raw", "source")),
    View("screened_in_part", "Objects of the cleaned catalogue of which a lead day was not wholly screened, or not at "
         "all, since SGP4 has no usable state of them there.",
         ("epoch_day", "lead_day", "norad_id", "object_name", "screened_from_utc", "screened_to_utc", "reason")),
    View("aliases", "Two catalogue numbers that look like one object: an analyst's or temporary one and another.",
         ("epoch_day", "norad_id_1", "object_name_1", "norad_id_2", "object_name_2", "reason")),
    View("element_sets", "Every element set ever received, of every object and epoch.",
         (*ELEMENTS, "first_received_day", "last_received_day", "sources", "element_set_id")),
    View("object_changes", "What changed in the cleaned catalogue of a day against the day before that has one.",
         ("epoch_day", "previous_epoch_day", "change", "norad_id", "object_name", "previous_object_name",
          "element_set_id", "previous_element_set_id", "epoch", "previous_epoch", "detail")),
    View("runs", "The log of slices: who wrote what, when, from which inputs, with which code.",
         ("log_id", "asset", "epoch_day", "lead_day", "run_id", "code_version", "input_versions", "row_count",
          "byte_count", "content_hash", "metadata", "written_at", "expired_at", "is_current")),
    View("workers", "Who works on runs, on which host, and when it was last heard of.",
         ("worker_id", "worker_name", "host", "node", "process_id", "package_version", "work_version", "n_slots",
          "threads_per_run", "queues", "worker_state", "n_runs", "started_at", "heartbeat_at", "draining_since",
          "ended_at")),
)  # fmt: skip


def view_queries() -> dict[str, str]:
    """View -> its query, in the order in which they must be created."""
    files = ("event_views", "catalog_views", "worker_views")
    return {name: query for file in files for name, query in sections(f"schema/{file}.sql").items()}
