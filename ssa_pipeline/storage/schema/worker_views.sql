Views of the workers.

-- name: workers
SELECT
    w.worker_id,
    w.worker_name,
    w.host,
    w.node,
    w.process_id,
    w.package_version,
    w.work_version,
    w.n_slots,
    w.threads_per_run,
    w.queues,
    CASE
        WHEN w.ended_at IS NOT NULL THEN 'ended'
        WHEN e.last_heartbeat IS NULL THEN 'silent'
        -- nobody can be heard while the server is down
        WHEN greatest(e.last_heartbeat, pg_postmaster_start_time()) < now() - make_interval(secs => w.stalled_after_s)
            THEN 'silent'
        WHEN w.draining_since IS NOT NULL THEN 'draining'
        ELSE 'working'
    END AS worker_state,
    coalesce(c.n_runs, 0) AS n_runs,
    w.started_at,
    e.last_heartbeat AS heartbeat_at,
    w.draining_since,
    w.ended_at
FROM screening.worker w
LEFT JOIN engine.procrastinate_workers e ON e.id = w.worker_id
LEFT JOIN (
    SELECT c.worker_id, count(*) AS n_runs
    FROM screening.run_claim c
    JOIN engine.procrastinate_jobs j ON j.id = c.job_id AND j.status = 'doing'
    GROUP BY c.worker_id
) c ON c.worker_id = w.worker_id;
