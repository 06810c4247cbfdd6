-- name: days_to_expire
WITH newest AS (
    SELECT DISTINCT ON (asset, epoch_day, lead_day) asset, epoch_day, written_at, expired_at
    FROM screening.slice_log
    WHERE asset = ANY(%(assets)s)
    ORDER BY asset, epoch_day, lead_day, log_id DESC
), kept AS (
    SELECT DISTINCT epoch_day FROM newest WHERE expired_at IS NULL ORDER BY epoch_day DESC LIMIT %(retention_days)s
)
SELECT epoch_day
FROM newest
WHERE expired_at IS NULL AND epoch_day NOT IN (SELECT epoch_day FROM kept)
GROUP BY epoch_day
HAVING max(written_at) <= clock_timestamp() - %(min_age)s
ORDER BY epoch_day;

-- name: lock_claims
-- In the order of locks: along the chain, by lead day.
SELECT c.taken_at > clock_timestamp() - %(min_age)s
FROM screening.slice_claim c
JOIN (VALUES (1, 'ephemeris_chunks'), (2, 'conjunction_candidates'), (3, 'refined_events')) AS chain (place, asset)
    ON chain.asset = c.asset
WHERE c.epoch_day = %(epoch_day)s
ORDER BY chain.place, c.lead_day
FOR UPDATE OF c;

-- name: mark_expired
UPDATE screening.slice_log
SET expired_at = clock_timestamp()
WHERE asset = ANY(%(assets)s) AND epoch_day = %(epoch_day)s AND expired_at IS NULL;

-- name: partitions
SELECT part.relname
FROM pg_inherits i
JOIN pg_class part ON part.oid = i.inhrelid
WHERE i.inhparent = %(table)s::text::regclass
ORDER BY part.relname;

-- name: is_in_use
SELECT EXISTS (
    SELECT FROM screening.slice_log
    WHERE asset = ANY(%(assets)s) AND epoch_day = %(epoch_day)s AND expired_at IS NULL
) OR EXISTS (
    SELECT FROM screening.slice_claim
    WHERE epoch_day = %(epoch_day)s AND taken_at > clock_timestamp() - %(min_age)s
);

-- name: events_to_thin
-- Slices of lead days 1 to 6 of all but the newest epoch days, whose UTC day a later epoch day covers too, and that were
-- not thinned as far before.
WITH newest AS (
    SELECT DISTINCT ON (epoch_day, lead_day) epoch_day, lead_day, row_count, metadata, written_at
    FROM screening.slice_log
    WHERE asset = 'refined_events'
    ORDER BY epoch_day, lead_day, log_id DESC
), kept AS (
    SELECT DISTINCT epoch_day FROM newest ORDER BY epoch_day DESC LIMIT %(keep_days)s
)
SELECT n.epoch_day, n.lead_day
FROM newest n
WHERE n.lead_day > 0 AND n.epoch_day < (SELECT min(epoch_day) FROM kept)
    AND n.written_at <= clock_timestamp() - %(min_age)s
    AND coalesce((n.metadata ->> 'thinned_beyond_km')::float8, 'infinity') > %(beyond_km)s
    AND EXISTS (
        SELECT FROM newest later
        WHERE later.epoch_day > n.epoch_day
            AND later.epoch_day + later.lead_day = n.epoch_day + n.lead_day
    )
ORDER BY n.epoch_day, n.lead_day;

-- name: lock_claim_of_events
SELECT taken_at > clock_timestamp() - %(min_age)s
FROM screening.slice_claim
WHERE asset = 'refined_events' AND epoch_day = %(epoch_day)s AND lead_day = %(lead_day)s
FOR UPDATE;

-- name: delete_distant_events
DELETE FROM screening.refined_event
WHERE epoch_day = %(epoch_day)s AND lead_day = %(lead_day)s AND miss_distance_km > %(beyond_km)s;

-- name: mark_thinned
-- The count of rows goes with the rows: whoever reads the slice compares them.
UPDATE screening.slice_log
SET row_count = (
        SELECT count(*)
        FROM screening.refined_event
        WHERE epoch_day = %(epoch_day)s AND lead_day = %(lead_day)s
    ),
    metadata = metadata || jsonb_build_object(
        'thinned_at', clock_timestamp(),
        'thinned_beyond_km', %(beyond_km)s::float8,
        'rows_before_thinning', coalesce(metadata -> 'rows_before_thinning', to_jsonb(row_count))
    )
WHERE log_id = (
    SELECT max(log_id)
    FROM screening.slice_log
    WHERE asset = 'refined_events' AND epoch_day = %(epoch_day)s AND lead_day = %(lead_day)s
)
RETURNING row_count;
