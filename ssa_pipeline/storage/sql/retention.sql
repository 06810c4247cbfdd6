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
