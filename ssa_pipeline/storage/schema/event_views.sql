The public views, in the order in which they must be created. Their columns, types and comments are declared in
views.py; a test compares. Columns are only ever added at the end (CREATE OR REPLACE VIEW demands it).

Element sets are joined by id and epoch: the epoch says in which partition to look. Every event has both of its sets; the
joins are LEFT ones since the planner would multiply the chances of two columns that go together, expect one row and
choose for it, and because it leaves out a LEFT JOIN of which a query shows nothing.

-- name: runs
SELECT
    l.log_id,
    l.asset,
    l.epoch_day,
    NULLIF(l.lead_day, -1)::smallint AS lead_day,
    l.run_id,
    l.code_version,
    l.input_versions,
    l.row_count,
    l.byte_count,
    l.content_hash,
    l.metadata,
    l.written_at,
    l.expired_at,
    NOT EXISTS (
        SELECT FROM screening.slice_log newer
        WHERE (newer.asset, newer.epoch_day, newer.lead_day) = (l.asset, l.epoch_day, l.lead_day)
            AND newer.log_id > l.log_id
    ) AS is_current
FROM screening.slice_log l;

-- name: events
SELECT
    e.epoch_day,
    e.lead_day,
    e.tca_utc,
    e.norad_id_1,
    e.norad_id_2,
    s1.object_name AS object_name_1,
    s2.object_name AS object_name_2,
    s1.object_id AS object_id_1,
    s2.object_id AS object_id_2,
    e.miss_distance_km,
    e.relative_speed_km_s,
    e.miss_r_km,
    e.miss_t_km,
    e.miss_n_km,
    e.relative_velocity_r_km_s,
    e.relative_velocity_t_km_s,
    e.relative_velocity_n_km_s,
    e.approach_angle_deg,
    e.age_1_days,
    e.age_2_days,
    e.epoch_1_utc,
    e.epoch_2_utc,
    e.event_class,
    e.start_utc,
    e.end_utc,
    e.n_minima,
    e.flags,
    e.element_set_id_1,
    e.element_set_id_2,
    l.run_id,
    l.code_version,
    e.log_id,
    l.written_at,
    -- the same under the names that events.csv has for them
    s1.object_name AS name_1,
    s2.object_name AS name_2,
    e.epoch_1_utc AS epoch_1,
    e.epoch_2_utc AS epoch_2,
    (l.metadata ->> 'threshold_km')::double precision AS threshold_km,
    ssa.constellation_of(s1.object_name) AS constellation_1,
    ssa.constellation_of(s2.object_name) AS constellation_2,
    ssa.regime_of(s1.mean_motion_rev_per_day, s1.eccentricity) AS regime_1,
    ssa.regime_of(s2.mean_motion_rev_per_day, s2.eccentricity) AS regime_2,
    coalesce(k1.object_type, ssa.object_type_of(s1.object_name)) AS object_type_1,
    coalesce(k2.object_type, ssa.object_type_of(s2.object_name)) AS object_type_2,
    e.altitude_km,
    e.latitude_deg,
    e.longitude_deg,
    CASE WHEN e.below_threshold_s IS NULL AND e.event_class = 'crossing'
        THEN extract(epoch FROM e.end_utc - e.start_utc)::double precision
        ELSE e.below_threshold_s
    END AS below_threshold_s,
    CASE WHEN e.n_passages IS NULL AND e.event_class = 'crossing' THEN 1 ELSE e.n_passages END AS n_passages
FROM screening.refined_event e
-- LEFT, so that a query which shows nothing of the log does not read it: every event has its row there
LEFT JOIN screening.slice_log l ON l.log_id = e.log_id
LEFT JOIN catalog.element_set s1 ON s1.element_set_id = e.element_set_id_1 AND s1.epoch = e.epoch_1_utc
LEFT JOIN catalog.element_set s2 ON s2.element_set_id = e.element_set_id_2 AND s2.epoch = e.epoch_2_utc
LEFT JOIN catalog.satcat k1 ON k1.norad_id = e.norad_id_1
LEFT JOIN catalog.satcat k2 ON k2.norad_id = e.norad_id_2;

-- name: events_latest
-- The newest slice of each day covered, as an array, which is made once: the planner then reads the rows in the order
-- of an index, where a join made it sort them all.
SELECT e.*
FROM ssa.events e
WHERE e.log_id = ANY (ARRAY(
    SELECT DISTINCT ON (epoch_day + lead_day) log_id
    FROM screening.slice_log
    WHERE asset = 'refined_events'
    ORDER BY epoch_day + lead_day, epoch_day DESC, log_id DESC
));

-- name: event_changes
-- The same encounter on both days: the same pair, and TCAs half a revolution of the faster object apart at most (and a
-- day), or times together that overlap.
WITH days AS (
    SELECT epoch_day, lag(epoch_day) OVER (ORDER BY epoch_day) AS previous_epoch_day
    FROM (SELECT DISTINCT epoch_day FROM screening.slice_log WHERE asset = 'refined_events') screened
), slices AS (
    SELECT DISTINCT ON (epoch_day, lead_day)
        epoch_day, lead_day, log_id,
        -- of a thinned slice what misses by more is gone
        least((metadata ->> 'threshold_km')::float8, (metadata ->> 'thinned_beyond_km')::float8) AS whole_within_km
    FROM screening.slice_log
    WHERE asset = 'refined_events'
    ORDER BY epoch_day, lead_day, log_id DESC
), covered AS (
    SELECT
        d.epoch_day,
        d.previous_epoch_day,
        n.log_id,
        o.log_id AS previous_log_id,
        least(n.whole_within_km, o.whole_within_km) AS whole_within_km
    FROM days d
    JOIN slices n ON n.epoch_day = d.epoch_day
    JOIN slices o ON o.epoch_day = d.previous_epoch_day AND o.epoch_day + o.lead_day = n.epoch_day + n.lead_day
), looked_at AS (
    SELECT c.*, k.*
    FROM covered c
    CROSS JOIN LATERAL (
        VALUES ('new', c.log_id, c.previous_epoch_day), ('gone', c.previous_log_id, c.epoch_day)
    ) AS k (change, found_in, missing_on)
)
SELECT
    c.epoch_day,
    c.previous_epoch_day,
    c.change,
    e.norad_id_1,
    e.norad_id_2,
    s1.object_name AS object_name_1,
    s2.object_name AS object_name_2,
    e.tca_utc,
    e.miss_distance_km,
    e.relative_speed_km_s,
    e.event_class,
    e.start_utc,
    e.end_utc
FROM looked_at c
JOIN screening.refined_event e ON e.log_id = c.found_in
LEFT JOIN catalog.element_set s1 ON s1.element_set_id = e.element_set_id_1 AND s1.epoch = e.epoch_1_utc
LEFT JOIN catalog.element_set s2 ON s2.element_set_id = e.element_set_id_2 AND s2.epoch = e.epoch_2_utc
WHERE (e.miss_distance_km <= c.whole_within_km) IS NOT FALSE
    AND NOT EXISTS (
        SELECT
        FROM screening.refined_event o
        WHERE o.epoch_day = c.missing_on
            AND o.norad_id_1 = e.norad_id_1
            AND o.norad_id_2 = e.norad_id_2
            AND o.tca_utc BETWEEN e.tca_utc - interval '1 day' AND e.tca_utc + interval '1 day' -- of an index
            AND (
                abs(extract(epoch FROM o.tca_utc - e.tca_utc))
                    <= 43200 / greatest(s1.mean_motion_rev_per_day, s2.mean_motion_rev_per_day)
                OR (o.start_utc <= e.end_utc AND o.end_utc >= e.start_utc)
            )
    );

-- name: proximity_intervals
WITH pieces AS (
    SELECT
        e.*,
        'continues_before' = ANY (string_to_array(e.flags, ' ')) AS continues_before,
        'continues_after' = ANY (string_to_array(e.flags, ' ')) AS continues_after
    FROM screening.refined_event e
    WHERE e.event_class = 'persistent'
), linked AS (
    SELECT
        p.*,
        p.continues_before
            AND lag(p.continues_after) OVER pair
            AND lag(p.lead_day) OVER pair = p.lead_day - 1
            AND lag(p.end_utc) OVER pair = p.start_utc AS is_continuation
    FROM pieces p
    WINDOW pair AS (PARTITION BY p.epoch_day, p.norad_id_1, p.norad_id_2 ORDER BY p.start_utc)
), numbered AS (
    SELECT
        k.*,
        count(*) FILTER (WHERE is_continuation IS NOT TRUE)
            OVER (PARTITION BY epoch_day, norad_id_1, norad_id_2 ORDER BY start_utc) AS island
    FROM linked k
), stitched AS (
    SELECT
        epoch_day,
        norad_id_1,
        norad_id_2,
        (array_agg(element_set_id_1))[1] AS element_set_id_1,
        (array_agg(element_set_id_2))[1] AS element_set_id_2,
        (array_agg(epoch_1_utc))[1] AS epoch_1_utc,
        (array_agg(epoch_2_utc))[1] AS epoch_2_utc,
        min(start_utc) AS start_utc,
        max(end_utc) AS end_utc,
        (array_agg(tca_utc ORDER BY miss_distance_km, tca_utc))[1] AS tca_utc,
        min(miss_distance_km) AS miss_distance_km,
        (array_agg(relative_speed_km_s ORDER BY miss_distance_km, tca_utc))[1] AS relative_speed_km_s,
        sum(n_minima)::bigint AS n_minima,
        CASE WHEN bool_and(below_threshold_s IS NOT NULL) THEN sum(below_threshold_s) END AS below_threshold_s,
        -- a passage across a border is counted on either side of it
        CASE WHEN bool_and(n_passages IS NOT NULL) THEN sum(n_passages) - count(*) FILTER (
            WHERE is_continuation AND 'passage_continues_before' = ANY (string_to_array(flags, ' '))
        ) END::bigint AS n_passages,
        count(*) AS n_pieces,
        min(lead_day) AS first_lead_day,
        max(lead_day) AS last_lead_day,
        (array_agg(continues_before ORDER BY start_utc))[1] AS is_open_before,
        (array_agg(continues_after ORDER BY start_utc DESC))[1] AS is_open_after
    FROM numbered
    GROUP BY epoch_day, norad_id_1, norad_id_2, island
)
SELECT
    i.epoch_day,
    i.norad_id_1,
    i.norad_id_2,
    s1.object_name AS object_name_1,
    s2.object_name AS object_name_2,
    i.start_utc,
    i.end_utc,
    extract(epoch FROM i.end_utc - i.start_utc)::double precision AS duration_s,
    i.tca_utc,
    i.miss_distance_km,
    i.relative_speed_km_s,
    i.n_minima,
    i.n_pieces,
    i.first_lead_day,
    i.last_lead_day,
    i.is_open_before,
    i.is_open_after,
    i.below_threshold_s,
    i.n_passages
FROM stitched i
LEFT JOIN catalog.element_set s1 ON s1.element_set_id = i.element_set_id_1 AND s1.epoch = i.epoch_1_utc
LEFT JOIN catalog.element_set s2 ON s2.element_set_id = i.element_set_id_2 AND s2.epoch = i.epoch_2_utc;
