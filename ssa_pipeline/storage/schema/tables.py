"""The contract of tables and views, declared once: names, types, units, partitioning, who may read.

One quantity has one name, one type and one comment wherever it occurs, from table to view. Migrations write the
same DDL out in full (they are history and must not change with this file); ``migrate.check`` compares a database
with this contract. Comments, views and grants are applied from here at every upgrade.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ssa_pipeline.core.catalog.object_flags import ObjectFlag

SCHEMAS = {
    "raw": "Bytes as received, append-only.",
    "catalog": "Element sets (content-addressed, append-only), where each was seen, and records that are not used.",
    "screening": "Replaceable slices of the chain, and the log of every write.",
    "ssa": "Public views: the interface for SQL users (role ssa_reader). Everything else may change.",
    "dagster": "Run, event-log and schedule storage; its tables belong to Dagster.",
}
READER = "ssa_reader"

# name -> (type, comment with unit)
QUANTITIES: dict[str, tuple[str, str]] = {
    # keys of slices
    "epoch_day": ("date", "UTC day screened from; a snapshot belongs to the day on which it was received."),
    "lead_day": ("smallint", "Lead day k covers [epoch_day + k, epoch_day + k + 1) UTC; -1 or NULL: whole epoch day."),
    "asset": ("text", "Link of the chain, e.g. refined_events; of a table's rows its kind: satcat, decay, tip."),
    "run_id": ("text", "Dagster run that wrote the slice."),
    "token": (
        "bigint",
        "Fence of the attempt that owns the slice, above all before it: only that attempt may write.",
    ),
    "taken_at": ("timestamp with time zone", "When the slice was claimed."),
    "log_id": ("bigint", "Version of a slice: row of the slice log that belongs to its newest write."),
    "code_version": ("text", "Version of the algorithm that computed the slice."),
    "input_versions": ("jsonb", "Upstream asset -> log_id of the slice that was read."),
    "row_count": ("bigint", "Rows of the slice; 0 is an answer."),
    "content_hash": ("text", "SHA-256 (hex) of the slice's content, independent of ids of this database."),
    "metadata": ("jsonb", "Facts about the computation: counts, seconds per stage."),
    "written_at": ("timestamp with time zone", "When the slice was written."),
    "expired_at": ("timestamp with time zone", "When retention dropped the slice's rows; NULL: they are there."),
    "is_current": ("boolean", "True for the newest write of its slice."),
    "check_name": ("text", "Blocking check, e.g. chunks_cover_the_interval."),
    "has_passed": ("boolean", "False: nothing may be computed from this version of the slice."),
    "finding": ("text", "What the check found, in words."),
    # snapshots
    "sha256": ("bytea", "SHA-256 of the bytes as received (32 bytes)."),
    "content": ("bytea", "The bytes as received."),
    "byte_count": ("bigint", "Length of the content, or of a record in it (0: not known), bytes."),
    "snapshot_id": ("bigint", "One receipt of bytes (raw.snapshot); NULL where no single receipt is meant."),
    "source": ("text", "Where the bytes came from, e.g. file, celestrak, space-track."),
    "file_name": ("text", "Name of the file as received."),
    "received_at": ("timestamp with time zone", "When the bytes were received."),
    "kind": ("text", "What the bytes are: gp, supplemental_gp, satcat, decay, tip. Only gp makes the catalogue."),
    "url": ("text", "Address from which the bytes came, redirects followed; NULL where they were given as a file."),
    "headers": ("jsonb", "Headers of the answer, without cookies and credentials."),
    "etag": ("text", "ETag of the answer."),
    "last_modified": ("text", "Last-Modified of the answer, as received."),
    "http_status": ("smallint", "Status of the answer."),
    # fetching
    "query_key": ("text", "Identity of a query for its provider's rules."),
    "attempted_at": ("timestamp with time zone", "When the query was last made; committed before the request."),
    "outcome": ("text", "How that ended: started, stored, unchanged, failed, refused, not_a_catalog."),
    "content_received_at": ("timestamp with time zone", "When the query last brought content that was stored."),
    "account": ("text", "Whose requests are counted."),
    "requested_at": ("timestamp with time zone[]", "Requests of the last hour, oldest first."),
    # alerts
    "alert_id": ("bigint", "Identity of an alert in this database."),
    "alert_key": ("text", "What the alert is about: the same key within a short time is the same alert."),
    "severity": ("text", "error or warning."),
    "title": ("text", "The alert in one line."),
    "alert_text": ("text", "What happened and what to do."),
    "failed_run_id": ("text", "Dagster run that failed; NULL where the alert is not about a run."),
    "failed_run_url": ("text", "That run in the UI."),
    "failed_run_ids": ("text[]", "Every failed run that is counted here, the first one too."),
    "raised_at": ("timestamp with time zone", "When the alert was raised first."),
    "repeated_at": ("timestamp with time zone", "When it was raised last, counted and not sent again."),
    "n_occurrences": ("bigint", "How often it was raised."),
    "sent_to": ("text[]", "Channels that took the alert: webhook, email."),
    "n_attempts": ("bigint", "Attempts to send it."),
    "next_attempt_at": ("timestamp with time zone", "When sending is due; NULL: sent, or given up."),
    "send_error": ("text", "Why the last attempt did not reach every channel; empty where it did."),
    # element sets
    "element_set_id": ("bigint", "Identity of an element set in this database."),
    "element_set_id_1": ("bigint", "Element set of object 1 from which the event was computed."),
    "element_set_id_2": ("bigint", "Element set of object 2 from which the event was computed."),
    "content_key": ("bytea", "Content address: SHA-256 of everything that the record says (32 bytes)."),
    "norad_id": ("bigint", "Catalogue number (up to nine digits)."),
    "object_name": ("text", "Name as received with the element set."),
    "object_id": ("text", "International designator, e.g. 1998-067A; may be empty."),
    "epoch": ("timestamp with time zone", "Epoch of the element set, UTC."),
    "mean_motion_rev_per_day": ("double precision", "Mean motion (Kozai), revolutions per day."),
    "eccentricity": ("double precision", "Eccentricity, dimensionless."),
    "inclination_deg": ("double precision", "Inclination, degrees, TEME."),
    "raan_deg": ("double precision", "Right ascension of the ascending node, degrees, TEME."),
    "arg_perigee_deg": ("double precision", "Argument of perigee, degrees."),
    "mean_anomaly_deg": ("double precision", "Mean anomaly, degrees."),
    "bstar": ("double precision", "SGP4 drag term B*, 1/earth radii."),
    "mean_motion_dot": ("double precision", "First derivative of mean motion / 2, rev/day^2 (not used by SGP4)."),
    "mean_motion_ddot": ("double precision", "Second derivative of mean motion / 6, rev/day^3 (not used by SGP4)."),
    "classification": ("text", "U unclassified, C classified, S secret."),
    "element_set_no": ("bigint", "Element set number as received."),
    "rev_at_epoch": ("bigint", "Revolution number at epoch."),
    "source_line": ("bigint", "1-based line of the file on which the record begins."),
    "source_file": ("text", "File in which the record was received."),
    "member": ("text", "Member of the zip file; '' where the file is none."),
    "byte_start": ("bigint", "Place of the record in the unpacked content (after a byte order mark), from 0."),
    # records that are not used
    "ordinal": ("bigint", "Position among the rejected records of the slice, from 0."),
    "rule": ("text", "Rule by which the record is not used, e.g. checksum, stale, superseded."),
    "detail": ("text", "In words: the rule and the offending value; of a change, why, or from what to what."),
    "raw": ("bytea", "The record's bytes as received."),
    # catalogue membership
    "age_days": ("double precision", "Epoch day 00:00 UTC minus epoch, days; negative: epoch ahead."),
    "is_forward_epoch": ("boolean", "True where the epoch lies after the end of the epoch day."),
    "received_day": ("date", "UTC day on which the set was received last."),
    "is_carried_over": ("boolean", "True where the set was received on an earlier day and the day brought none newer."),
    "received_age_days": ("integer", "Epoch day minus the day on which the set was received last, days."),
    "n_sets": ("bigint", "Element sets used in turn over the lead days: more than 1 where the object has segments."),
    # SATCAT
    "satcat_name": ("text", "Name in the SATCAT."),
    "object_type": (
        "text",
        "PAYLOAD, ROCKET BODY, DEBRIS or UNKNOWN, from the SATCAT; in views, of an object that is not in it, as its "
        "name says: DEB and R/B are words of names, all else is a payload; NULL: it has no name.",
    ),
    "owner": ("text", "Country or organisation, as the SATCAT abbreviates it, e.g. US, CIS, ISS."),
    "operational_status": (
        "text",
        "operational, partially operational, nonoperational, backup, spare, extended mission, decayed or unknown, "
        "from CelesTrak's SATCAT; NULL: it says nothing.",
    ),
    "launch_date": ("date", "Day of launch (UTC), from the SATCAT."),
    "decay_date": ("date", "Day of decay (UTC), from the SATCAT; NULL: on orbit."),
    "satcat_period_min": ("double precision", "Period that the SATCAT gives, minutes."),
    "rcs_m2": ("double precision", "Radar cross-section, m^2, from CelesTrak's SATCAT."),
    "rcs_size": ("text", "SMALL (below 0.1 m^2), MEDIUM or LARGE (above 1 m^2), from Space-Track's SATCAT."),
    # aliases
    "reason": ("text", "How near the two sets are at the epoch of the newer one, and how alike their orbits."),
    # history
    "first_received_day": ("date", "UTC day on which the element set was first received."),
    "last_received_day": ("date", "UTC day on which the element set was last received."),
    "sources": ("text", "Blank-separated sources from which the element set was received."),
    "previous_epoch_day": ("date", "The day before this one that has a cleaned catalogue."),
    "change": (
        "text",
        "Of an object: appeared, vanished, renamed or jumped; it may have two changes on a day. Of an encounter: new "
        "or gone.",
    ),
    "previous_object_name": ("text", "Name with the element set used on the previous day; NULL: none was used."),
    "previous_element_set_id": ("bigint", "Element set used on the previous day; NULL: none was used."),
    "previous_epoch": ("timestamp with time zone", "Epoch of the element set used on the previous day, UTC."),
    # chunks
    "format_version": ("smallint", "Version of the chunk format."),
    "spacing_us": ("bigint", "Time between nodes, microseconds."),
    "first_node": ("timestamp with time zone", "Time of the first node, UTC."),
    "node_count": ("integer", "Number of nodes."),
    "scale_km": ("double precision", "Length of one count of a quantised coordinate, km."),
    "error_bound_km": ("double precision", "Bound of |interpolated - SGP4| position within validity, km."),
    "acceleration_bound_km_s2": ("double precision", "Bound of the acceleration that is not two-body, km/s^2."),
    "valid_from": ("timestamp with time zone", "The object's states are valid from here, UTC."),
    "valid_to": ("timestamp with time zone", "The object's states are valid up to here (exclusive), UTC."),
    "status": ("smallint", "Why validity is shorter than the lead day (core.status); 0: it is not."),
    "nodes": ("bytea", "node_count x 3 little-endian int32: TEME x, y, z in counts of scale_km."),
    # candidates
    "step_start": ("timestamp with time zone", "Start of the step in which the pair may come close, UTC."),
    "step_end": ("timestamp with time zone", "End of the step, UTC."),
    "approx_miss_km": ("double precision", "Approximate least distance in the step, km."),
    "approx_speed_km_s": ("double precision", "Approximate relative speed, km/s."),
    "is_slow": ("boolean", "True where the pair is so slow that it is searched densely."),
    # events
    "norad_id_1": ("bigint", "Catalogue number of object 1, the primary (the smaller number)."),
    "norad_id_2": ("bigint", "Catalogue number of object 2."),
    "object_name_1": ("text", "Name of object 1."),
    "object_name_2": ("text", "Name of object 2."),
    "object_id_1": ("text", "International designator of object 1; may be empty."),
    "object_id_2": ("text", "International designator of object 2; may be empty."),
    "tca_utc": ("timestamp with time zone", "Time of closest approach, UTC."),
    "miss_distance_km": (
        "double precision",
        "Distance of the SGP4 positions at TCA, km. Element sets are good to "
        "about 1 km at epoch and grow worse by 1-3 km a day: not the true distance.",
    ),
    "relative_speed_km_s": ("double precision", "Relative speed at TCA, km/s."),
    "miss_r_km": ("double precision", "Object 2 minus object 1 at TCA, radial (RTN of object 1), km."),
    "miss_t_km": ("double precision", "Object 2 minus object 1 at TCA, transverse (RTN of object 1), km."),
    "miss_n_km": ("double precision", "Object 2 minus object 1 at TCA, along the orbit normal (RTN of object 1), km."),
    "relative_velocity_r_km_s": ("double precision", "Relative velocity at TCA, radial (RTN of object 1), km/s."),
    "relative_velocity_t_km_s": ("double precision", "Relative velocity at TCA, transverse (RTN of object 1), km/s."),
    "relative_velocity_n_km_s": ("double precision", "Relative velocity at TCA, orbit normal (RTN of object 1), km/s."),
    "approach_angle_deg": ("double precision", "Angle between the two velocities at TCA, degrees."),
    "age_1_days": ("double precision", "TCA minus epoch of object 1's element set, days."),
    "age_2_days": ("double precision", "TCA minus epoch of object 2's element set, days."),
    "epoch_1_utc": ("timestamp with time zone", "Epoch of object 1's element set, UTC."),
    "epoch_2_utc": ("timestamp with time zone", "Epoch of object 2's element set, UTC."),
    "event_class": ("text", "crossing: one short passage; persistent: together for 10 min or more, or several minima."),
    "start_utc": (
        "timestamp with time zone",
        "Distance falls below the threshold here, UTC; of a persistent event for the first time, since passages less "
        "than a revolution apart that stay below twice the threshold between are merged; clipped to the lead day.",
    ),
    "end_utc": (
        "timestamp with time zone",
        "Distance rises above the threshold here, UTC; of a persistent event, which may merge several passages, for "
        "the last time; clipped to the lead day.",
    ),
    "n_minima": ("bigint", "Number of minima of the distance below the threshold between start and end."),
    "below_threshold_s": (
        "double precision",
        "Seconds below the threshold between start and end: less than end minus start where passages are merged. "
        "NULL: persistent, written by a release that did not know it.",
    ),
    "n_passages": (
        "bigint",
        "Number of passages below the threshold that are merged between start and end; 0: a piece between two of them. "
        "NULL: persistent, written by a release that did not know it.",
    ),
    "flags": (
        "text",
        f"Blank-separated words. Of an object: {', '.join(ObjectFlag)} (docs/catalog.md). "
        "Of an event: continues_before, passage_continues_before, continues_after, no_minimum, tca_at_edge, "
        "constant_range, identical_elements, validity_ends_1, validity_ends_2, low_perigee_1, low_perigee_2, "
        "reentering_1, reentering_2, possible_duplicate, and the words of its objects with "
        f"_1 and _2, e.g. {ObjectFlag.JUMP_MANOEUVRE}_1; forward_epoch_1 and _2 also where the epoch lies after TCA; "
        "segment_handover_1 and _2 where the object's segment changed as the lead day began.",
    ),
    # what the views add to events
    "name_1": ("text", "The same as object_name_1, named as in events.csv."),
    "name_2": ("text", "The same as object_name_2, named as in events.csv."),
    "epoch_1": ("timestamp with time zone", "The same as epoch_1_utc, named as in events.csv."),
    "epoch_2": ("timestamp with time zone", "The same as epoch_2_utc, named as in events.csv."),
    "threshold_km": ("double precision", "Distance below which the slice has every encounter, km."),
    "constellation": ("text", "STARLINK, ONEWEB, KUIPER or QIANFAN, by the object's name; NULL: none of them."),
    "constellation_1": ("text", "Constellation of object 1, by its name; NULL: none of those flown by one operator."),
    "constellation_2": ("text", "Constellation of object 2, by its name; NULL: none of those flown by one operator."),
    "regime": ("text", "LEO, MEO, GEO, HEO or beyond GEO, from the mean elements."),
    "regime_1": ("text", "LEO, MEO, GEO, HEO or beyond GEO, from the mean elements of object 1."),
    "regime_2": ("text", "LEO, MEO, GEO, HEO or beyond GEO, from the mean elements of object 2."),
    "object_type_1": ("text", "Type of object 1 from the SATCAT, or as its name says: see ssa.objects."),
    "object_type_2": ("text", "Type of object 2 from the SATCAT, or as its name says: see ssa.objects."),
    "altitude_km": (
        "double precision",
        "Height of object 1 above the WGS-84 ellipsoid at TCA, km; NULL: written by a release that did not keep it.",
    ),
    "latitude_deg": (
        "double precision",
        "Geodetic latitude (WGS-84) of object 1 at TCA, degrees; the Earth turned by GMST-82, UT1 taken for UTC.",
    ),
    "longitude_deg": ("double precision", "Longitude of object 1 at TCA, degrees, east positive, -180 to 180."),
    # proximity intervals
    "duration_s": ("double precision", "End minus start, seconds: the time between merged passages is part of it."),
    "n_pieces": ("bigint", "Lead days over which the interval was stitched."),
    "first_lead_day": ("smallint", "Lead day of the first piece."),
    "last_lead_day": ("smallint", "Lead day of the last piece."),
    "is_open_before": ("boolean", "True where the interval began before the first piece."),
    "is_open_after": ("boolean", "True where the interval goes on after the last piece."),
    # objects
    "epoch_utc": ("timestamp with time zone", "Epoch of the object's newest element set, UTC."),
    "period_min": ("double precision", "Period from the mean motion, minutes."),
    "perigee_altitude_km": ("double precision", "Mean perigee altitude above 6378.135 km, km."),
    "apogee_altitude_km": ("double precision", "Mean apogee altitude above 6378.135 km, km."),
    "is_in_newest_catalog": ("boolean", "True where the newest cleaned catalogue uses the object."),
    # catalogue quality
    "snapshots_received": ("bigint", "Snapshots of GP received on the epoch day."),
    "records_received": ("bigint", "Element sets read from the day's GP snapshots."),
    "supplemental_snapshots_received": ("bigint", "Snapshots of supplemental GP received on the epoch day."),
    "supplemental_records_received": ("bigint", "Element sets read from the day's snapshots of supplemental GP."),
    "objects_used": (
        "bigint",
        "Objects screened on the epoch day, wholly or in part; before its screening, those in the cleaned catalogue. "
        "NULL: not computed.",
    ),
    "objects_screened_in_part": (
        "bigint",
        "Objects of which not all of the epoch day was screened, or nothing (screened_in_part); NULL: not known.",
    ),
    "screened_from_utc": ("timestamp with time zone", "The object was screened from here, UTC; NULL: not at all."),
    "screened_to_utc": ("timestamp with time zone", "The object was screened up to here, UTC; NULL: not at all."),
    "records_rejected": ("bigint", "Records that are not used, all rules."),
    "objects_stale": ("bigint", "Objects whose newest valid set is too old."),
    "objects_forward_epoch": ("bigint", "Objects used whose epoch lies ahead of the epoch day."),
    "rejected_by_rule": ("jsonb", "Rule -> number of records."),
    "age_median_days": ("double precision", "Median age of the sets used, days."),
    "age_p95_days": ("double precision", "95th percentile of the age of the sets used, days."),
    "age_max_days": ("double precision", "Largest age of the sets used, days."),
    "objects_by_type": ("jsonb", "Object type -> objects in the cleaned catalogue; NULL: made without SATCAT."),
    "objects_carried_over": ("bigint", "Objects used with a set that was received on an earlier day."),
    "objects_supplemental": ("bigint", "Objects used with a supplemental set."),
    "objects_jumped": ("bigint", "Objects whose set does not continue the one before it: history is cut there."),
    # completeness gate
    "raw_log_id": ("bigint", "Version of the slice raw_tle_snapshots that was judged."),
    "snapshot_ids": ("bigint[]", "GP snapshots that were judged; an acceptance is of exactly these."),
    "state": ("text", "open: whole; held: partial, not used; accepted: partial, used since an operator said so."),
    "reasons": ("text[]", "Why the release is held, or what was noticed."),
    "measures": ("jsonb", "What was compared: objects, missing ones by regime and type, ages, with which day."),
    "judged_at": ("timestamp with time zone", "When the release, or the slice by its check, was judged."),
    "accepted_by": ("text", "Who accepted the partial release."),
    "accepted_at": ("timestamp with time zone", "When it was accepted."),
    "accept_reason": ("text", "Why it was accepted, in the operator's words."),
    "gate_state": ("text", "Completeness gate: open, held (not used) or accepted by an operator; NULL: not judged."),
    "gate_reasons": ("text[]", "Why the day's release is held, or what was noticed about it."),
    "gate_judged_at": ("timestamp with time zone", "When the day's release was judged last."),
}


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


@dataclass(frozen=True)
class View:
    name: str
    comment: str
    columns: tuple[str, ...]


_ELEMENTS = (
    "norad_id", "object_name", "object_id", "epoch", "mean_motion_rev_per_day", "eccentricity", "inclination_deg",
    "raan_deg", "arg_perigee_deg", "mean_anomaly_deg", "bstar", "mean_motion_dot", "mean_motion_ddot",
    "classification", "element_set_no", "rev_at_epoch",
)  # fmt: skip
_EVENT_NUMBERS = (
    "miss_distance_km", "relative_speed_km_s", "miss_r_km", "miss_t_km", "miss_n_km", "relative_velocity_r_km_s",
    "relative_velocity_t_km_s", "relative_velocity_n_km_s", "approach_angle_deg", "age_1_days", "age_2_days",
)  # fmt: skip
_PASSAGES = ("below_threshold_s", "n_passages")
_POSITION = ("altitude_km", "latitude_deg", "longitude_deg")

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
        ("element_set_id", "content_key", *_ELEMENTS), ("element_set_id", "epoch"),
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
        ("epoch_day", "lead_day", "norad_id_1", "norad_id_2", "tca_utc", *_EVENT_NUMBERS, "epoch_1_utc",
         "epoch_2_utc", "start_utc", "end_utc", "n_minima", "element_set_id_1", "element_set_id_2", "log_id",
         "event_class", "flags", *_POSITION, *_PASSAGES),
        nullable=(*_POSITION, *_PASSAGES), partition="month",
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
)  # fmt: skip
TABLE = {table.full_name: table for table in TABLES}

_EVENT_VIEW = (
    "epoch_day", "lead_day", "tca_utc", "norad_id_1", "norad_id_2", "object_name_1", "object_name_2", "object_id_1",
    "object_id_2", *_EVENT_NUMBERS, "epoch_1_utc", "epoch_2_utc", "event_class", "start_utc", "end_utc", "n_minima",
    "flags", "element_set_id_1", "element_set_id_2", "run_id", "code_version", "log_id", "written_at",
    "name_1", "name_2", "epoch_1", "epoch_2", "threshold_km", "constellation_1", "constellation_2", "regime_1",
    "regime_2", "object_type_1", "object_type_2", *_POSITION, *_PASSAGES,
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
          *_PASSAGES)),
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
         (*_ELEMENTS, "first_received_day", "last_received_day", "sources", "element_set_id")),
    View("object_changes", "What changed in the cleaned catalogue of a day against the day before that has one.",
         ("epoch_day", "previous_epoch_day", "change", "norad_id", "object_name", "previous_object_name",
          "element_set_id", "previous_element_set_id", "epoch", "previous_epoch", "detail")),
    View("runs", "The log of slices: who wrote what, when, from which inputs, with which code.",
         ("log_id", "asset", "epoch_day", "lead_day", "run_id", "code_version", "input_versions", "row_count",
          "byte_count", "content_hash", "metadata", "written_at", "expired_at", "is_current")),
)  # fmt: skip
