What automation asks at every tick: each is one statement, answered from indexes.

-- name: releases
SELECT s.snapshot_id, s.epoch_day, s.source, s.received_at, r.written_at, g.state, c.written_at
FROM raw.snapshot s
LEFT JOIN LATERAL (
    SELECT l.log_id, l.written_at, l.metadata -> 'snapshot_ids' AS snapshot_ids
    FROM screening.slice_log l
    WHERE l.asset = 'raw_tle_snapshots' AND l.epoch_day = s.epoch_day AND l.lead_day = -1
    ORDER BY l.log_id DESC
    LIMIT 1
) r ON r.snapshot_ids @> to_jsonb(s.snapshot_id)
LEFT JOIN catalog.release_gate g ON g.raw_log_id = r.log_id
LEFT JOIN LATERAL (
    SELECT l.written_at, l.input_versions
    FROM screening.slice_log l
    WHERE l.asset = 'clean_catalog' AND l.epoch_day = s.epoch_day AND l.lead_day = -1
    ORDER BY l.log_id DESC
    LIMIT 1
) c ON (c.input_versions ->> 'raw_tle_snapshots')::bigint = r.log_id
WHERE s.snapshot_id >= %(first)s AND (
    s.kind = 'gp'
    -- no catalogue of its own: it waits for the day's GP, whose receipt asks for both
    OR s.kind = 'supplemental_gp'
        AND (SELECT true FROM raw.snapshot g WHERE g.epoch_day = s.epoch_day AND g.kind = 'gp' LIMIT 1)
)
ORDER BY s.snapshot_id;

-- name: newest_catalog
SELECT log_id, epoch_day, written_at
FROM screening.slice_log
WHERE asset = 'clean_catalog' AND lead_day = -1 AND epoch_day BETWEEN %(first_day)s AND %(last_day)s
ORDER BY epoch_day DESC, log_id DESC
LIMIT 1;

-- name: newer_table
-- What a catalogue was made with stands in its metadata, by content.
SELECT s.snapshot_id, s.kind, s.source, s.received_at
FROM screening.slice_log c
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (t.kind) t.snapshot_id, t.kind, t.source, t.received_at, t.sha256
    FROM raw.snapshot t
    WHERE t.kind IN ('satcat', 'decay', 'tip') AND t.epoch_day BETWEEN c.epoch_day - 7 AND c.epoch_day
    ORDER BY t.kind, t.epoch_day DESC, t.received_at DESC, t.sha256
) s
WHERE c.log_id = %(log_id)s
    AND encode(s.sha256, 'hex') IS DISTINCT FROM c.metadata -> 'tables' -> s.kind ->> 'sha256'
ORDER BY s.snapshot_id DESC
LIMIT 1;

-- name: late_day
-- A catalogue carries over from the days before: is one of them read anew since, with another content?
SELECT r.log_id, r.epoch_day, r.written_at
FROM screening.slice_log c
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (l.epoch_day) l.epoch_day, l.log_id, l.written_at, l.content_hash
    FROM screening.slice_log l
    WHERE l.asset = 'raw_tle_snapshots' AND l.lead_day = -1 AND l.epoch_day BETWEEN c.epoch_day - 30 AND c.epoch_day - 1
    ORDER BY l.epoch_day, l.log_id DESC
) r
LEFT JOIN LATERAL (
    SELECT l.content_hash
    FROM screening.slice_log l
    WHERE l.asset = 'raw_tle_snapshots' AND l.lead_day = -1 AND l.epoch_day = r.epoch_day AND l.log_id < c.log_id
    ORDER BY l.log_id DESC
    LIMIT 1
) used ON true
WHERE c.log_id = %(log_id)s AND r.log_id > c.log_id AND r.content_hash IS DISTINCT FROM used.content_hash
ORDER BY r.log_id DESC
LIMIT 1;

-- name: accepted_day
-- Nothing is carried over from a day that is held: was one of those before accepted since?
SELECT g.epoch_day, g.accepted_at
FROM screening.slice_log c
JOIN catalog.release_gate g ON g.epoch_day BETWEEN c.epoch_day - 30 AND c.epoch_day - 1
    AND g.state = 'accepted' AND g.accepted_at > c.written_at
WHERE c.log_id = %(log_id)s
ORDER BY g.accepted_at DESC
LIMIT 1;

-- name: screenings
WITH day AS (
    SELECT DISTINCT epoch_day
    FROM screening.slice_log
    WHERE asset = 'clean_catalog' AND epoch_day BETWEEN %(first_day)s AND %(last_day)s
    ORDER BY epoch_day DESC
    LIMIT %(days)s
)
SELECT day.epoch_day, c.log_id, c.written_at, c.refusals, lead.k, e.written_at, used.content_hash = c.content_hash
FROM day
CROSS JOIN LATERAL (
    SELECT l.log_id, l.written_at, l.content_hash, ARRAY(
        SELECT v.check_name || ': ' || v.finding
        FROM screening.slice_verdict v
        WHERE v.log_id = l.log_id AND NOT v.has_passed
        ORDER BY v.check_name
    ) AS refusals
    FROM screening.slice_log l
    WHERE l.asset = 'clean_catalog' AND l.epoch_day = day.epoch_day AND l.lead_day = -1
    ORDER BY l.log_id DESC
    LIMIT 1
) c
CROSS JOIN unnest(%(lead_days)s::smallint[]) AS lead (k)
LEFT JOIN LATERAL (
    SELECT l.written_at, (l.input_versions ->> 'clean_catalog')::bigint AS catalog_log_id
    FROM screening.slice_log l
    WHERE l.asset = 'refined_events' AND l.epoch_day = day.epoch_day AND l.lead_day = lead.k
    ORDER BY l.log_id DESC
    LIMIT 1
) e ON true
LEFT JOIN screening.slice_log used ON used.log_id = e.catalog_log_id
ORDER BY day.epoch_day DESC, lead.k;
