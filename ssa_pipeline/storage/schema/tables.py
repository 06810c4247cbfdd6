"""The contract of tables, declared once: schemas, columns, keys, partitioning, who may read (``quantities`` says what
each column is, ``views`` what the public sees).

Migrations write the same DDL out in full (they are history and must not change with this file); ``migrate.check``
compares a database with this contract. Comments, views and grants are applied from here at every upgrade.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCHEMAS = {
    "raw": "Bytes as received, append-only.",
    "catalog": "Element sets (content-addressed, append-only), where each was seen, and records that are not used.",
    "screening": "Replaceable slices of the chain, and the log of every write.",
    "ssa": "Public views: the interface for SQL users (role ssa_reader). Everything else may change.",
    "engine": "Jobs and workers of the run engine; its tables belong to procrastinate.",
    "dagster": "Run, event-log and schedule storage; its tables belong to Dagster.",
}
READER = "ssa_reader"


@dataclass(frozen=True)
class Table:
    schema: str
    name: str
    comment: str
    columns: tuple[str, ...]
    primary_key: tuple[str, ...] = ()
    nullable: tuple[str, ...] = ()
    external: tuple[str, ...] = ()  # STORAGE EXTERNAL: incompressible bytes, read in slices
    partition: Literal["", "day", "month", "year"] = ""  # length of its range partitions, UTC
    partition_column: str = "epoch_day"  # where it is another: a timestamptz, and what has no partition is in _default

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


ELEMENTS = (
    "norad_id", "object_name", "object_id", "epoch", "mean_motion_rev_per_day", "eccentricity", "inclination_deg",
    "raan_deg", "arg_perigee_deg", "mean_anomaly_deg", "bstar", "mean_motion_dot", "mean_motion_ddot",
    "classification", "element_set_no", "rev_at_epoch",
)  # fmt: skip
EVENT_NUMBERS = (
    "miss_distance_km", "relative_speed_km_s", "miss_r_km", "miss_t_km", "miss_n_km", "relative_velocity_r_km_s",
    "relative_velocity_t_km_s", "relative_velocity_n_km_s", "approach_angle_deg", "age_1_days", "age_2_days",
)  # fmt: skip
PASSAGES = ("below_threshold_s", "n_passages")
POSITION = ("altitude_km", "latitude_deg", "longitude_deg")

TABLES = (
    Table(
        "raw", "content", "Bytes as received, each content once.",
        ("sha256", "content", "byte_count"), ("sha256",), external=("content",),
    ),
    Table(
        "raw", "snapshot", "One receipt of bytes; the same bytes received twice on a day are one receipt.",
        ("snapshot_id", "epoch_day", "source", "file_name", "sha256", "received_at", "kind", "url", "headers", "etag",
         "last_modified", "http_status"),
        ("snapshot_id",), nullable=("url", "headers", "etag", "last_modified", "http_status"),
    ),
    Table(
        "raw", "accepted_checksums", "Receipts whose TLE with a wrong checksum are used all the same.",
        ("snapshot_id", "accepted_at"), ("snapshot_id",),
    ),
    Table(
        "raw", "fetch_state", "When each query was last made, and how that ended: what the providers' rules ask for.",
        ("query_key", "source", "attempted_at", "outcome", "detail", "content_received_at", "etag", "last_modified"),
        ("query_key",), nullable=("content_received_at", "etag", "last_modified"),
    ),
    Table(
        "raw", "fetch_account", "Requests of an account within the last hour.", ("account", "requested_at"),
        ("account",),
    ),
    Table(
        "catalog", "element_set", "Every element set ever received, once.",
        ("element_set_id", "content_key", *ELEMENTS), ("element_set_id", "epoch"),
        partition="year", partition_column="epoch",
    ),
    Table(
        "catalog", "sighting", "Which record of which snapshot carried which element set (slice raw_tle_snapshots).",
        ("epoch_day", "snapshot_id", "source_line", "element_set_id", "member", "byte_start", "byte_count"),
        ("epoch_day", "snapshot_id", "member", "byte_start", "source_line", "element_set_id"),
        partition="month",
    ),
    Table(
        "catalog", "rejected_record", "Records that are not used, with everything needed to find them again "
        "(part of the slices raw_tle_snapshots and clean_catalog).",
        ("epoch_day", "asset", "ordinal", "snapshot_id", "source_file", "source_line", "rule", "detail", "norad_id",
         "object_name", "raw"),
        ("epoch_day", "asset", "ordinal"), nullable=("snapshot_id", "norad_id", "object_name"), partition="month",
    ),
    Table(
        "catalog", "release_gate", "Every judgement of the completeness gate; the newest of an epoch day counts.",
        ("raw_log_id", "epoch_day", "snapshot_ids", "state", "reasons", "measures", "judged_at", "accepted_by",
         "accepted_at", "accept_reason"),
        ("raw_log_id",), nullable=("accepted_by", "accepted_at", "accept_reason"),
    ),
    Table(
        "catalog", "alias", "Numbers that look like one object on an epoch day (part of the slice clean_catalog).",
        ("epoch_day", "norad_id_1", "norad_id_2", "reason"), ("epoch_day", "norad_id_1", "norad_id_2"),
        partition="month",
    ),
    Table(
        "catalog", "satcat", "The newest row of every object in the SATCATs received. A status, cross-section or size "
        "that it does not say is the last one said.",
        ("norad_id", "object_id", "satcat_name", "object_type", "owner", "operational_status", "launch_date",
         "decay_date", "satcat_period_min", "rcs_m2", "rcs_size", "epoch_day", "snapshot_id", "source_line",
         "received_at"),
        ("norad_id",), nullable=("operational_status", "launch_date", "decay_date", "satcat_period_min", "rcs_m2",
                                 "rcs_size"),
    ),
    Table(
        "screening", "clean_catalog", "Which element set represents which object on which epoch day.",
        ("epoch_day", "norad_id", "element_set_id", "age_days", "is_forward_epoch", "source_file", "source_line",
         "flags", "source", "received_day"),
        ("epoch_day", "norad_id"), nullable=("received_day",), partition="month",
    ),
    Table(
        "screening", "segment_handover", "From which lead day on another segment represents an object than before "
        "(part of the slice clean_catalog).",
        ("epoch_day", "lead_day", "norad_id", "element_set_id", "epoch", "source_file", "source_line"),
        ("epoch_day", "lead_day", "norad_id"), partition="month",
    ),
    Table(
        "screening", "ephemeris_chunk", "Interpolable positions of one object over one lead day.",
        ("epoch_day", "lead_day", "norad_id", "format_version", "status", "spacing_us", "first_node", "node_count",
         "scale_km", "error_bound_km", "acceleration_bound_km_s2", "valid_from", "valid_to", "nodes"),
        ("epoch_day", "lead_day", "norad_id"), external=("nodes",), partition="day",
    ),
    Table(
        "screening", "conjunction_candidate", "Pairs that may come below the threshold within a step.",
        ("epoch_day", "lead_day", "norad_id_1", "norad_id_2", "step_start", "step_end", "approx_miss_km",
         "approx_speed_km_s", "is_slow"),
        partition="day",
    ),
    Table(
        "screening", "refined_event", "Close approaches, one row per interval below the threshold and lead day.",
        ("epoch_day", "lead_day", "norad_id_1", "norad_id_2", "tca_utc", *EVENT_NUMBERS, "epoch_1_utc",
         "epoch_2_utc", "start_utc", "end_utc", "n_minima", "element_set_id_1", "element_set_id_2", "log_id",
         "event_class", "flags", *POSITION, *PASSAGES),
        nullable=(*POSITION, *PASSAGES), partition="month",
    ),
    Table(
        "screening", "slice_claim", "Newest owner of every slice.",
        ("asset", "epoch_day", "lead_day", "token", "run_id", "taken_at"), ("asset", "epoch_day", "lead_day"),
    ),
    Table(
        "screening", "slice_log", "Every write of every slice; the newest row of a slice is its version.",
        ("log_id", "asset", "epoch_day", "lead_day", "run_id", "token", "code_version", "input_versions", "row_count",
         "byte_count", "content_hash", "metadata", "written_at", "expired_at"),
        ("log_id",), nullable=("expired_at",),
    ),
    Table(
        "screening", "slice_verdict", "What the blocking checks found in each version of a slice.",
        ("log_id", "check_name", "has_passed", "finding", "judged_at"), ("log_id", "check_name"),
    ),
    Table(
        "screening", "alert", "Alerts about runs and sources, and how far their delivery is.",
        ("alert_id", "alert_key", "severity", "title", "alert_text", "failed_run_id", "failed_run_url", "raised_at",
         "repeated_at", "n_occurrences", "sent_to", "n_attempts", "next_attempt_at", "send_error", "failed_run_ids"),
        ("alert_id",), nullable=("failed_run_id", "failed_run_url", "next_attempt_at"),
    ),
    Table(
        "screening", "worker", "Workers that joined, also those that have ended.",
        ("worker_id", "worker_name", "node", "host", "process_id", "package_version", "work_version", "n_slots",
         "threads_per_run", "queues", "stalled_after_s", "started_at", "draining_since", "ended_at"),
        ("worker_id",), nullable=("draining_since", "ended_at"),
    ),
    Table(
        "screening", "installation", "Whose daemon launches the runs, and which version workers must have.",
        ("is_the_one", "node", "package_version", "work_version", "started_at"), ("is_the_one",),
    ),
    Table(
        "screening", "run_claim", "Which worker took which run: at most one, at most once.",
        ("run_id", "job_id", "worker_id", "process_id", "claimed_at"), ("run_id",),
    ),
)  # fmt: skip
TABLE = {table.full_name: table for table in TABLES}
