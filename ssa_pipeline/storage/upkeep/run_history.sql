Dagster's tables of runs and events, which Dagster itself never makes smaller. The newest event of each kind for an
asset's partition, and the newest execution of each check, are its state in Dagster: they stay, and so does their run.
A run and its retries (tag dagster/root_run_id) are judged together: whether its work was done is known from all of them.

-- name: retried_since
SELECT DISTINCT t.value
FROM dagster.run_tags t
JOIN dagster.runs r ON r.run_id = t.run_id
WHERE t.key = 'dagster/root_run_id'
    AND (
        r.status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')
        OR coalesce(to_timestamp(r.end_time) AT TIME ZONE 'UTC', r.update_timestamp) >= %(before)s
    );

-- name: old_runs
SELECT r.id, r.run_id
FROM dagster.runs r
LEFT JOIN dagster.run_tags own ON own.run_id = r.run_id AND own.key = 'dagster/root_run_id'
WHERE r.id > %(after_id)s
    AND r.status IN ('SUCCESS', 'FAILURE', 'CANCELED')
    AND coalesce(to_timestamp(r.end_time) AT TIME ZONE 'UTC', r.update_timestamp) < %(before)s
    AND coalesce(own.value, r.run_id) <> ALL(%(retried_since)s)
ORDER BY r.id
LIMIT %(limit)s;

-- name: runs_of_events_without_run
WITH RECURSIVE seen (run_id) AS (
    -- every run id once, by jumping along the index
    (SELECT run_id FROM dagster.event_logs WHERE run_id IS NOT NULL ORDER BY run_id LIMIT 1)
    UNION ALL
    SELECT (SELECT e.run_id FROM dagster.event_logs e WHERE e.run_id > s.run_id ORDER BY e.run_id LIMIT 1)
    FROM seen s
    WHERE s.run_id IS NOT NULL
)
SELECT s.run_id
FROM seen s
WHERE s.run_id IS NOT NULL AND NOT EXISTS (SELECT FROM dagster.runs r WHERE r.run_id = s.run_id)
ORDER BY s.run_id;

-- name: delete_events
WITH doomed AS (
    SELECT e.id
    FROM dagster.event_logs e
    WHERE e.run_id = ANY(%(run_ids)s)
        AND e.timestamp < %(before)s
        AND (
            e.asset_key IS NULL
            OR EXISTS (
                SELECT FROM dagster.event_logs n
                WHERE n.asset_key = e.asset_key
                    AND n.dagster_event_type = e.dagster_event_type
                    AND n.partition = e.partition
                    AND n.id > e.id
            )
            OR e.partition IS NULL AND EXISTS (
                SELECT FROM dagster.event_logs n
                WHERE n.asset_key = e.asset_key
                    AND n.dagster_event_type = e.dagster_event_type
                    AND n.partition IS NULL
                    AND n.id > e.id
            )
        )
    LIMIT %(limit)s
), deleted AS (
    DELETE FROM dagster.event_logs e USING doomed d WHERE e.id = d.id RETURNING e.id
), deleted_tags AS (
    DELETE FROM dagster.asset_event_tags t USING deleted d WHERE t.event_id = d.id
)
SELECT count(*) FROM deleted;

-- name: delete_check_executions
DELETE FROM dagster.asset_check_executions c
WHERE c.run_id = ANY(%(run_ids)s)
    AND c.create_timestamp < %(before)s -- what was reported without a run, of every age, is of one "run"
    AND EXISTS (
        SELECT FROM dagster.asset_check_executions n
        WHERE n.asset_key = c.asset_key
            AND n.check_name = c.check_name
            AND n.partition IS NOT DISTINCT FROM c.partition
            AND n.id > c.id
    );

-- name: delete_runs
WITH root AS (
    SELECT DISTINCT coalesce(t.value, i.run_id) AS run_id
    FROM unnest(%(run_ids)s::text[]) i (run_id)
    LEFT JOIN dagster.run_tags t ON t.run_id = i.run_id AND t.key = 'dagster/root_run_id'
), member AS (
    SELECT run_id, run_id AS root_run_id FROM root
    UNION ALL
    SELECT t.run_id, t.value FROM root JOIN dagster.run_tags t ON t.key = 'dagster/root_run_id' AND t.value = root.run_id
)
DELETE FROM dagster.runs r USING member
WHERE r.run_id = member.run_id
    AND NOT EXISTS (
        SELECT FROM member other
        WHERE other.root_run_id = member.root_run_id
            AND (
                EXISTS (SELECT FROM dagster.event_logs e WHERE e.run_id = other.run_id)
                OR EXISTS ( -- queued since retried_since was read
                    SELECT FROM dagster.runs u
                    WHERE u.run_id = other.run_id AND u.status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')
                )
                OR EXISTS (SELECT FROM dagster.asset_check_executions c WHERE c.run_id = other.run_id)
            )
    );
