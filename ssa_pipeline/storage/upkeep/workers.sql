Workers and the runs that they took. Tables of the engine are named with their schema; its functions need it as search path.
Times are the database's: no clock of a host decides who is alive.

-- name: join
INSERT INTO screening.worker (
    worker_id, worker_name, node, host, process_id, package_version, work_version, n_slots, threads_per_run, queues,
    stalled_after_s
) VALUES (
    %(worker_id)s, %(worker_name)s, %(node)s, %(host)s, %(process_id)s, %(package_version)s, %(work_version)s,
    %(n_slots)s, %(threads_per_run)s, %(queues)s, %(stalled_after_s)s
)
ON CONFLICT (worker_id) DO NOTHING;

-- name: note_installation
INSERT INTO screening.installation (node, package_version, work_version, started_at)
VALUES (%(node)s, %(package_version)s, %(work_version)s, now())
ON CONFLICT (is_the_one) DO UPDATE SET
    node = excluded.node,
    package_version = excluded.package_version,
    work_version = excluded.work_version,
    started_at = excluded.started_at;

-- name: installation
SELECT node, package_version, work_version FROM screening.installation;

-- name: connections
SELECT
    current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int AS n_allowed,
    coalesce((
        SELECT sum(n_slots) FROM ssa.workers WHERE worker_state IN ('working', 'draining')
    ), 0)::int AS n_slots,
    (SELECT count(*) FROM ssa.workers WHERE worker_state IN ('working', 'draining'))::int AS n_workers;

-- name: drain
UPDATE screening.worker SET draining_since = coalesce(draining_since, now()) WHERE worker_id = %(worker_id)s;

-- name: leave
UPDATE screening.worker SET ended_at = now() WHERE worker_id = %(worker_id)s;

-- name: forget_claims
DELETE FROM screening.run_claim c
WHERE c.claimed_at < now() - make_interval(days => %(days)s)
    AND NOT EXISTS (SELECT FROM dagster.runs r WHERE r.run_id = c.run_id);

-- name: forget_jobs
-- What no worker will ask for any more: of runs that have ended, or are deleted.
DELETE FROM engine.procrastinate_jobs j
WHERE j.status <> 'doing'
    AND NOT EXISTS (
        SELECT FROM dagster.runs r
        WHERE r.run_id = j.args ->> 'run_id' AND r.status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')
    );

-- name: forget_workers
DELETE FROM screening.worker w
WHERE coalesce(w.ended_at, w.started_at) < now() - make_interval(days => %(days)s)
    AND NOT EXISTS (SELECT FROM engine.procrastinate_workers e WHERE e.id = w.worker_id)
    AND NOT EXISTS (SELECT FROM screening.run_claim c WHERE c.worker_id = w.worker_id);

-- name: living
SELECT worker_id, worker_name, node, host, process_id, package_version, work_version, n_slots, threads_per_run, queues,
    worker_state, n_runs, extract(epoch FROM now() - heartbeat_at)::double precision AS silent_s, started_at
FROM ssa.workers
WHERE worker_state <> 'ended' AND (worker_state <> 'silent' OR n_runs > 0 OR heartbeat_at > now() - interval '1 hour')
ORDER BY host, worker_name, worker_id;

-- name: total_slots
-- Beside the slots that take new runs those of runs that take none of them: of draining workers, of another version, in
-- a terminal. The queue counts all runs in progress.
SELECT (
    (SELECT coalesce(sum(n_slots), 0) FROM ssa.workers WHERE worker_state = 'working' AND work_version = %(work_version)s)
    + (
        SELECT coalesce(sum(n_runs), 0)
        FROM ssa.workers
        WHERE worker_state = 'draining' OR worker_state = 'working' AND work_version <> %(work_version)s
    )
    + (
        SELECT count(*)
        FROM dagster.runs r
        WHERE r.status IN ('STARTED', 'CANCELING')
            AND NOT EXISTS (SELECT FROM screening.run_claim c WHERE c.run_id = r.run_id)
    )
)::int AS n_slots;

-- name: claim
WITH mine AS (
    SELECT id
    FROM engine.procrastinate_jobs
    WHERE id = %(job_id)s AND status = 'doing' AND worker_id = %(worker_id)s
        AND EXISTS (SELECT FROM dagster.runs r WHERE r.run_id = %(run_id)s AND r.status = 'STARTING')
    FOR UPDATE
)
INSERT INTO screening.run_claim (run_id, job_id, worker_id, process_id)
SELECT %(run_id)s, id, %(worker_id)s, %(process_id)s
FROM mine
ON CONFLICT (run_id) DO NOTHING
RETURNING run_id;

-- name: run_state
SELECT
    j.id AS job_id,
    j.status::text AS job_status,
    j.queue_name,
    c.run_id IS NOT NULL AS is_claimed,
    c.process_id,
    w.worker_name,
    w.host,
    w.worker_state,
    extract(epoch FROM now() - w.heartbeat_at)::double precision AS silent_s,
    extract(epoch FROM now())::double precision AS database_s
FROM (SELECT %(run_id)s::text AS run_id) r
LEFT JOIN engine.procrastinate_jobs j ON j.args ->> 'run_id' = r.run_id AND j.task_name = 'execute_run'
LEFT JOIN screening.run_claim c ON c.run_id = r.run_id
LEFT JOIN ssa.workers w ON w.worker_id = c.worker_id;

-- name: jobs_of
SELECT j.id AS job_id, coalesce(r.status IN ('SUCCESS', 'FAILURE', 'CANCELED'), true) AS has_ended
FROM engine.procrastinate_jobs j
LEFT JOIN dagster.runs r ON r.run_id = j.args ->> 'run_id'
WHERE j.status = 'doing' AND j.worker_id = %(worker_id)s;

-- name: lock_jobs
-- In a statement of its own: what comes after it in the transaction sees claims that were committed meanwhile.
SELECT j.id AS job_id
FROM engine.procrastinate_jobs j
WHERE j.status = 'doing' AND j.id = ANY(%(job_ids)s)
FOR UPDATE SKIP LOCKED;

-- name: lock_jobs_of_silent
SELECT j.id AS job_id
FROM engine.procrastinate_jobs j
WHERE j.status = 'doing'
    AND NOT EXISTS (
        SELECT
        FROM engine.procrastinate_workers w
        LEFT JOIN screening.worker s ON s.worker_id = w.id
        WHERE w.id = j.worker_id
            AND greatest(w.last_heartbeat, pg_postmaster_start_time())
                >= now() - make_interval(secs => coalesce(s.stalled_after_s, %(stalled_after_s)s))
    )
FOR UPDATE OF j SKIP LOCKED;

-- name: give_back
SELECT engine.procrastinate_retry_job_v2(j.id, now(), NULL, NULL, NULL)
FROM engine.procrastinate_jobs j
WHERE j.id = ANY(%(job_ids)s) AND NOT EXISTS (SELECT FROM screening.run_claim c WHERE c.job_id = j.id);

-- name: strike_jobs
DELETE FROM engine.procrastinate_jobs j
WHERE j.id = ANY(%(job_ids)s) AND EXISTS (SELECT FROM screening.run_claim c WHERE c.job_id = j.id);

-- name: finish_job
-- Only this worker's: one that was given up meanwhile may be another's by now.
DELETE FROM engine.procrastinate_jobs
WHERE id = %(job_id)s AND status = 'doing' AND worker_id = %(worker_id)s;

-- name: beat
UPDATE engine.procrastinate_workers SET last_heartbeat = now() WHERE id = %(worker_id)s
RETURNING extract(epoch FROM now())::double precision AS database_s;

-- name: runs_of_others
SELECT r.run_id
FROM unnest(%(run_ids)s::text[]) AS r (run_id)
LEFT JOIN screening.run_claim c ON c.run_id = r.run_id
LEFT JOIN ssa.workers w ON w.worker_id = c.worker_id
WHERE w.node <> %(node)s
    -- it waits, and a worker elsewhere may take it
    OR c.run_id IS NULL
        AND EXISTS (SELECT FROM engine.procrastinate_jobs j WHERE j.args ->> 'run_id' = r.run_id)
        AND EXISTS (SELECT FROM ssa.workers o WHERE o.node <> %(node)s AND o.worker_state = 'working');

-- name: strike_off
DELETE FROM engine.procrastinate_workers WHERE id = ANY(%(worker_ids)s);
