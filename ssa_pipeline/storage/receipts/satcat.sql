SATCAT, decay and TIP tables.

-- name: newest_snapshots
SELECT s.snapshot_id, s.epoch_day, s.source, s.file_name, s.sha256, s.received_at, c.content, s.kind
FROM (
    SELECT DISTINCT ON (kind) *
    FROM raw.snapshot
    WHERE kind IN ('satcat', 'partial_satcat', 'decay', 'tip') AND epoch_day <= %(epoch_day)s
    ORDER BY kind, epoch_day DESC, received_at DESC, sha256
) s
JOIN raw.content c ON c.sha256 = s.sha256
ORDER BY s.kind;

-- name: lock
SELECT pg_advisory_xact_lock(hashtext('catalog.satcat'));

-- name: upsert
INSERT INTO catalog.satcat AS k (
    norad_id, object_id, satcat_name, object_type, owner, operational_status, launch_date, decay_date,
    satcat_period_min, rcs_m2, rcs_size, source_line, epoch_day, snapshot_id, received_at
)
SELECT r.*, %(epoch_day)s, %(snapshot_id)s, %(received_at)s
FROM unnest(
    %(norad_id)s::bigint[], %(object_id)s::text[], %(satcat_name)s::text[], %(object_type)s::text[],
    %(owner)s::text[], %(operational_status)s::text[], %(launch_date)s::date[], %(decay_date)s::date[],
    %(satcat_period_min)s::float8[], %(rcs_m2)s::float8[], %(rcs_size)s::text[], %(source_line)s::bigint[]
) r
ON CONFLICT (norad_id) DO UPDATE SET
    object_id = excluded.object_id,
    satcat_name = excluded.satcat_name,
    object_type = excluded.object_type,
    owner = excluded.owner,
    operational_status = coalesce(excluded.operational_status, k.operational_status),
    launch_date = excluded.launch_date,
    decay_date = excluded.decay_date,
    satcat_period_min = excluded.satcat_period_min,
    rcs_m2 = coalesce(excluded.rcs_m2, k.rcs_m2),
    rcs_size = coalesce(excluded.rcs_size, k.rcs_size),
    source_line = excluded.source_line,
    epoch_day = excluded.epoch_day,
    snapshot_id = excluded.snapshot_id,
    received_at = excluded.received_at
WHERE (excluded.epoch_day, excluded.received_at, excluded.snapshot_id) > (k.epoch_day, k.received_at, k.snapshot_id);

-- name: next_ordinal
SELECT coalesce(max(ordinal) + 1, 0) FROM catalog.rejected_record WHERE epoch_day = %(epoch_day)s AND asset = %(kind)s;
