-- name: append_content
INSERT INTO raw.content (sha256, content, byte_count)
VALUES (%(sha256)s, %(content)b, octet_length(%(content)b::bytea))
ON CONFLICT (sha256) DO NOTHING;

-- name: number_in_order
-- Receipts become visible in the order of their numbers: a cursor of numbers passes none by.
SELECT pg_advisory_xact_lock(hashtext('raw.snapshot'));

-- name: append_receipt
INSERT INTO raw.snapshot (
    epoch_day, source, file_name, sha256, received_at, kind, url, headers, etag, last_modified, http_status
)
VALUES (
    %(epoch_day)s, %(source)s, %(file_name)s, %(sha256)s, %(received_at)s, %(kind)s, %(url)s, %(headers)s, %(etag)s,
    %(last_modified)s, %(http_status)s
)
ON CONFLICT (epoch_day, sha256) DO NOTHING
RETURNING snapshot_id;

-- name: accept_checksums
INSERT INTO raw.accepted_checksums (snapshot_id, accepted_at)
SELECT s.snapshot_id, now()
FROM raw.snapshot s
WHERE s.epoch_day = %(epoch_day)s AND s.sha256 = %(sha256)s
ON CONFLICT (snapshot_id) DO NOTHING;

-- name: receipt
SELECT s.snapshot_id, s.source, s.file_name, s.received_at, s.kind,
    EXISTS (SELECT FROM raw.accepted_checksums a WHERE a.snapshot_id = s.snapshot_id)
FROM raw.snapshot s
WHERE s.epoch_day = %(epoch_day)s AND s.sha256 = %(sha256)s;

-- name: accepted_checksums
SELECT snapshot_id
FROM raw.accepted_checksums
WHERE snapshot_id = ANY(%(snapshot_ids)s::bigint[])
ORDER BY snapshot_id;

-- name: received_at
SELECT c.content
FROM raw.snapshot s
JOIN raw.content c ON c.sha256 = s.sha256
WHERE s.received_at = %(received_at)s AND s.kind = %(kind)s
ORDER BY s.source = %(source)s DESC, s.file_name = %(file_name)s DESC, s.snapshot_id DESC
LIMIT 1;

-- name: of_day
SELECT s.snapshot_id, s.source, s.file_name, s.sha256, s.received_at, c.content,
    EXISTS (SELECT FROM raw.accepted_checksums a WHERE a.snapshot_id = s.snapshot_id)
FROM raw.snapshot s
JOIN raw.content c ON c.sha256 = s.sha256
WHERE s.epoch_day = %(epoch_day)s AND s.kind = %(kind)s
ORDER BY s.received_at, s.snapshot_id;

-- name: start_of_content
SELECT substring(c.content FROM 1 FOR %(start_bytes)s::int)
FROM raw.snapshot s
JOIN raw.content c ON c.sha256 = s.sha256
WHERE s.snapshot_id = %(snapshot_id)s;

-- name: records
-- The content is stored uncompressed and in pieces, of which only those asked for are read.
SELECT substring(c.content FROM r.start::int + 1 FOR r.count::int)
FROM raw.snapshot s
JOIN raw.content c ON c.sha256 = s.sha256
CROSS JOIN unnest(%(starts)s::bigint[], %(counts)s::bigint[]) WITH ORDINALITY AS r (start, count, place)
WHERE s.snapshot_id = %(snapshot_id)s
ORDER BY r.place;

-- name: content
SELECT c.content
FROM raw.snapshot s
JOIN raw.content c ON c.sha256 = s.sha256
WHERE s.snapshot_id = %(snapshot_id)s;

-- name: receipts_after
SELECT s.snapshot_id, s.epoch_day, s.source, s.kind, s.file_name, s.url, s.received_at, s.http_status,
    EXISTS (SELECT FROM raw.accepted_checksums a WHERE a.snapshot_id = s.snapshot_id)
FROM raw.snapshot s
WHERE s.snapshot_id > %(after)s
ORDER BY s.snapshot_id
LIMIT %(limit)s;

-- name: newest_receipts
-- Of every source and kind.
SELECT DISTINCT ON (s.source, s.kind)
    s.snapshot_id, s.epoch_day, s.source, s.kind, s.file_name, s.url, s.received_at, s.http_status,
    EXISTS (SELECT FROM raw.accepted_checksums a WHERE a.snapshot_id = s.snapshot_id)
FROM raw.snapshot s
ORDER BY s.source, s.kind, s.snapshot_id DESC;

-- name: ids_of_day
SELECT snapshot_id
FROM raw.snapshot
WHERE epoch_day = %(epoch_day)s AND kind IN ('gp', 'supplemental_gp')
ORDER BY snapshot_id;

-- name: first_day_with_data
SELECT least(
    (
        SELECT min(s.epoch_day) FROM raw.snapshot s
        WHERE s.epoch_day >= %(not_before)s AND s.kind IN ('gp', 'supplemental_gp')
    ),
    (SELECT min(l.epoch_day) FROM screening.slice_log l WHERE l.epoch_day >= %(not_before)s)
);

-- name: unread_days
-- Days whose newest slice lacks a snapshot that was received, all or those of some time.
SELECT DISTINCT n.epoch_day
FROM raw.snapshot n
LEFT JOIN LATERAL (
    SELECT l.metadata -> 'snapshot_ids' AS snapshot_ids
    FROM screening.slice_log l
    WHERE l.asset = 'raw_tle_snapshots' AND l.epoch_day = n.epoch_day AND l.lead_day = -1
    ORDER BY l.log_id DESC
    LIMIT 1
) r ON true
WHERE n.kind = ANY (%(kinds)s::text[])
    AND n.epoch_day >= coalesce(%(first)s::date, '-infinity') AND n.epoch_day < coalesce(%(end)s::date, 'infinity')
    AND (r.snapshot_ids @> to_jsonb(n.snapshot_id)) IS NOT TRUE
ORDER BY n.epoch_day;
