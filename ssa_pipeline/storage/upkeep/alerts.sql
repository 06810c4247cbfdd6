-- name: lock_key
SELECT pg_advisory_xact_lock(hashtextextended(%(alert_key)s, 8114490236));

-- name: untold_failures
-- Within a day no alert is purged: a run is not told again because its alert has gone.
WITH newest AS (
    SELECT r.id, r.run_id
    FROM dagster.runs r
    WHERE r.status = 'FAILURE'
        AND coalesce(to_timestamp(r.end_time), r.update_timestamp AT TIME ZONE 'UTC') > %(now)s - interval '1 day'
        AND r.run_id NOT IN (SELECT unnest(failed_run_ids) FROM screening.alert)
        AND NOT EXISTS (SELECT FROM dagster.run_tags t WHERE t.run_id = r.run_id AND t.key = %(foreground_tag)s)
    ORDER BY r.id DESC
    LIMIT %(limit)s
)
SELECT run_id FROM newest ORDER BY id;

-- name: count_repetition
UPDATE screening.alert
SET n_occurrences = n_occurrences + 1,
    repeated_at = %(now)s,
    failed_run_ids = failed_run_ids || %(failed_run_ids)s::text[]
WHERE alert_id = (
    SELECT alert_id FROM screening.alert
    WHERE alert_key = %(alert_key)s AND raised_at > %(now)s - %(quiet)s::interval
    ORDER BY raised_at DESC
    LIMIT 1
);

-- name: append
INSERT INTO screening.alert (
    alert_key, severity, title, alert_text, failed_run_id, failed_run_url, raised_at, repeated_at, n_occurrences, sent_to,
    n_attempts, next_attempt_at, send_error, failed_run_ids
)
VALUES (
    %(alert_key)s, %(severity)s, %(title)s, %(alert_text)s, %(failed_run_id)s, %(failed_run_url)s, %(now)s, %(now)s, 1,
    '{}', 0, %(now)s, '', %(failed_run_ids)s
);

-- name: take_due
-- The next attempt is set before the sending: who dies over it has sent nothing twice in a hurry.
UPDATE screening.alert a
SET n_attempts = a.n_attempts + 1,
    next_attempt_at = %(now)s + least(interval '1 minute' * 2 ^ least(a.n_attempts, 10), interval '1 hour')
FROM (
    SELECT alert_id FROM screening.alert
    WHERE next_attempt_at <= %(now)s
    ORDER BY alert_id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
) due
WHERE a.alert_id = due.alert_id
RETURNING a.alert_id, a.alert_key, a.severity, a.title, a.alert_text, a.failed_run_id, a.failed_run_url, a.raised_at,
    a.n_occurrences, a.sent_to, a.n_attempts;

-- name: record_attempt
UPDATE screening.alert
SET sent_to = %(sent_to)s,
    send_error = %(send_error)s,
    next_attempt_at = CASE WHEN %(is_closed)s THEN NULL ELSE next_attempt_at END
WHERE alert_id = %(alert_id)s;

-- name: not_delivered
SELECT title, raised_at, next_attempt_at, send_error
FROM screening.alert
WHERE send_error <> '' AND raised_at > clock_timestamp() - interval '7 days'
ORDER BY alert_id;

-- name: purge
DELETE FROM screening.alert WHERE next_attempt_at IS NULL AND repeated_at < %(before)s;
