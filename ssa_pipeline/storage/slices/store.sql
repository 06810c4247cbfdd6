Versions, owners and verdicts of slices.

-- name: newest_version
SELECT log_id, run_id, token, code_version, input_versions, row_count, byte_count, content_hash, metadata,
    written_at, expired_at
FROM screening.slice_log
WHERE asset = %(asset)s AND epoch_day = %(epoch_day)s AND lead_day = %(lead_day)s
ORDER BY log_id DESC
LIMIT 1;

-- name: highest_token
SELECT coalesce(max(token), 0) AS token FROM screening.slice_claim;

-- name: next_token
SELECT max(nextval('screening.fence')) AS token FROM generate_series(1, %(count)s);

-- name: end_of_run
SELECT status FROM dagster.runs WHERE run_id = %(run_id)s AND status IN ('SUCCESS', 'FAILURE', 'CANCELED');

-- name: claim
-- Row by row in the order given: it is the order of locks.
INSERT INTO screening.slice_claim AS c (asset, epoch_day, lead_day, token, run_id)
SELECT k.asset, k.epoch_day, k.lead_day, %(token)s::bigint, %(run_id)s::text
FROM unnest(%(assets)s::text[], %(epoch_days)s::date[], %(lead_days)s::smallint[])
    WITH ORDINALITY AS k (asset, epoch_day, lead_day, place)
ORDER BY k.place
ON CONFLICT (asset, epoch_day, lead_day)
DO UPDATE SET token = excluded.token, run_id = excluded.run_id, taken_at = clock_timestamp()
WHERE c.token < excluded.token;

-- name: lock_claim
SELECT token, run_id FROM screening.slice_claim
WHERE asset = %(asset)s AND epoch_day = %(epoch_day)s AND lead_day = %(lead_day)s
FOR UPDATE;

-- name: share_claim
SELECT token FROM screening.slice_claim
WHERE asset = %(asset)s AND epoch_day = %(epoch_day)s AND lead_day = %(lead_day)s
FOR SHARE;

-- name: append_log
INSERT INTO screening.slice_log (
    asset, epoch_day, lead_day, run_id, token, code_version, input_versions, row_count, byte_count, content_hash,
    metadata
)
VALUES (
    %(asset)s, %(epoch_day)s, %(lead_day)s, %(run_id)s, %(token)s, %(code_version)s, %(input_versions)s,
    %(row_count)s, %(byte_count)s, %(content_hash)s, %(metadata)s
)
RETURNING log_id, run_id, token, code_version, input_versions, row_count, byte_count, content_hash, metadata,
    written_at, expired_at;

-- name: record_verdict
-- Of the newest version only: the check read no other.
INSERT INTO screening.slice_verdict AS v (log_id, check_name, has_passed, finding)
SELECT l.log_id, %(check_name)s::text, %(has_passed)s::boolean, %(finding)s::text
FROM (
    SELECT log_id
    FROM screening.slice_log
    WHERE asset = %(asset)s AND epoch_day = %(epoch_day)s AND lead_day = %(lead_day)s
    ORDER BY log_id DESC
    LIMIT 1
) l
WHERE l.log_id = %(log_id)s
ON CONFLICT (log_id, check_name)
DO UPDATE SET has_passed = excluded.has_passed, finding = excluded.finding, judged_at = clock_timestamp()
RETURNING log_id;

-- name: verdicts
SELECT check_name, has_passed, finding FROM screening.slice_verdict WHERE log_id = %(log_id)s;
