Dagster's tables of runs and events, which Dagster itself never makes smaller. The newest event of each kind for an
asset's partition, and the newest execution of each check, are its state in Dagster: they stay, and so does their run.

-- name: old_runs
SELECT id, run_id
FROM dagster.runs
WHERE id > %(after_id)s
    AND status IN ('SUCCESS', 'FAILURE', 'CANCELED')
    AND coalesce(to_timestamp(end_time) AT TIME ZONE 'UTC', update_timestamp) < %(before)s
ORDER BY id
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
DELETE FROM dagster.runs r
WHERE r.run_id = ANY(%(run_ids)s)
    AND r.status IN ('SUCCESS', 'FAILURE', 'CANCELED')
    AND NOT EXISTS (SELECT FROM dagster.event_logs e WHERE e.run_id = r.run_id)
    AND NOT EXISTS (SELECT FROM dagster.asset_check_executions c WHERE c.run_id = r.run_id);
