-- name: sources
WITH newest AS (
    -- the catalogue where the source gives one: a daily SATCAT must not hide that it stopped coming
    SELECT DISTINCT ON (source) source, received_at, kind, least(received_at, (epoch_day + 1)::timestamp) AS day_end
    FROM raw.snapshot
    WHERE coalesce(http_status, 200) = 200  -- not the same content, confirmed on a later day
    ORDER BY source, (kind = 'gp') DESC, received_at DESC
), last_attempt AS (
    SELECT DISTINCT ON (source) source, attempted_at, outcome, detail
    FROM raw.fetch_state
    ORDER BY source, attempted_at DESC
)
SELECT source, a.attempted_at, coalesce(a.outcome, ''), coalesce(a.detail, ''), n.received_at, n.day_end
FROM newest n
FULL JOIN last_attempt a USING (source)
ORDER BY source;

-- name: newest_catalogues
-- Of each source what came with its newest catalogue, in several files perhaps, and how old the element sets are: the
-- epoch that nine tenths of them have not passed, since every catalogue has a few of the future and many old ones.
-- NULL where the file has not been read into the catalogue yet.
WITH newest AS (
    SELECT source, max(received_at) AS received_at
    FROM raw.snapshot
    WHERE kind = 'gp' AND coalesce(http_status, 200) = 200
    GROUP BY source
)
SELECT
    s.source,
    s.snapshot_id,
    (
        SELECT percentile_disc(%(share)s) WITHIN GROUP (ORDER BY e.epoch)
        FROM catalog.sighting g
        JOIN catalog.element_set e USING (element_set_id)
        WHERE g.epoch_day = s.epoch_day AND g.snapshot_id = s.snapshot_id
    )
FROM raw.snapshot s
JOIN newest n ON n.source = s.source AND s.received_at > n.received_at - interval '24 hours'
WHERE s.kind = 'gp' AND coalesce(s.http_status, 200) = 200;

-- name: newest_days
SELECT
    (SELECT max(epoch_day) FROM screening.slice_log WHERE asset = 'clean_catalog'),
    (SELECT max(epoch_day) FROM screening.slice_log WHERE asset = 'refined_events');

-- name: received
-- The newest day; and of the days after the newest screened one, the first that was received. (The newest one alone is
-- never old where a release comes every day.)
SELECT
    (SELECT max(epoch_day) FROM raw.snapshot WHERE kind = 'gp'),
    w.epoch_day,
    w.received_at
FROM (VALUES (1)) always
LEFT JOIN LATERAL (
    SELECT epoch_day, received_at
    FROM raw.snapshot
    WHERE kind = 'gp'
        AND epoch_day > coalesce(
            (SELECT max(epoch_day) FROM screening.slice_log WHERE asset = 'refined_events'), '-infinity'
        )
        AND epoch_day <= (now() AT TIME ZONE 'UTC')::date
    ORDER BY received_at
    LIMIT 1
) w ON true;
