The public views, in the order in which they must be created. Their columns, types and comments are declared in
tables.py; a test compares. Columns are only ever added at the end (CREATE OR REPLACE VIEW demands it).

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

-- name: objects
WITH newest_id AS (
    -- three columns: the whole rows would be sorted on disk
    SELECT DISTINCT ON (norad_id) norad_id, epoch, element_set_id
    FROM catalog.element_set
    ORDER BY norad_id, epoch DESC, element_set_id DESC
), newest AS (
    SELECT i.norad_id, i.epoch, i.element_set_id, e.object_name, e.object_id, e.mean_motion_rev_per_day, e.eccentricity,
        e.inclination_deg
    FROM newest_id i
    LEFT JOIN catalog.element_set e ON e.element_set_id = i.element_set_id AND e.epoch = i.epoch
), sized AS (
    -- semi-major axis from the Kozai mean motion, WGS-72 gravity (398600.8 km^3/s^2)
    SELECT
        n.*,
        CASE WHEN mean_motion_rev_per_day > 0
            THEN power(398600.8 * power(86400.0 / (2 * pi() * mean_motion_rev_per_day), 2), 1.0 / 3)
        END AS semi_major_axis_km
    FROM newest n
)
SELECT
    s.norad_id,
    s.object_name,
    s.object_id,
    s.epoch AS epoch_utc,
    s.mean_motion_rev_per_day,
    s.eccentricity,
    s.inclination_deg,
    1440.0 / NULLIF(s.mean_motion_rev_per_day, 0) AS period_min,
    s.semi_major_axis_km * (1 - s.eccentricity) - 6378.135 AS perigee_altitude_km,
    s.semi_major_axis_km * (1 + s.eccentricity) - 6378.135 AS apogee_altitude_km,
    s.element_set_id,
    EXISTS (
        SELECT FROM screening.clean_catalog c
        WHERE c.norad_id = s.norad_id
            AND c.epoch_day = (SELECT max(epoch_day) FROM screening.slice_log WHERE asset = 'clean_catalog')
    ) AS is_in_newest_catalog,
    coalesce(k.object_type, ssa.object_type_of(s.object_name)) AS object_type,
    k.owner,
    k.rcs_m2,
    k.rcs_size,
    k.operational_status,
    k.launch_date,
    k.decay_date,
    ssa.constellation_of(s.object_name) AS constellation,
    ssa.regime_of(s.mean_motion_rev_per_day, s.eccentricity) AS regime
FROM sized s
LEFT JOIN catalog.satcat k ON k.norad_id = s.norad_id;

-- name: catalog_quality
SELECT
    d.epoch_day,
    (SELECT count(*) FROM raw.snapshot s WHERE s.epoch_day = d.epoch_day AND s.kind = 'gp') AS snapshots_received,
    received.records_received,
    coalesce((screened.metadata ->> 'objects_used')::bigint, CASE WHEN EXISTS (
        SELECT FROM screening.slice_log l WHERE l.asset = 'clean_catalog' AND l.epoch_day = d.epoch_day
    ) THEN used.objects_used END) AS objects_used,
    rejected.records_rejected,
    rejected.objects_stale,
    used.objects_forward_epoch,
    rejected.rejected_by_rule,
    used.age_median_days,
    used.age_p95_days,
    used.age_max_days,
    used.objects_carried_over,
    used.objects_supplemental,
    used.objects_jumped,
    gate.state AS gate_state,
    gate.reasons AS gate_reasons,
    gate.judged_at AS gate_judged_at,
    gate.accepted_by,
    gate.accept_reason,
    (
        SELECT l.metadata -> 'objects_by_type' FROM screening.slice_log l
        WHERE l.asset = 'clean_catalog' AND l.epoch_day = d.epoch_day
        ORDER BY l.log_id DESC LIMIT 1
    ) AS objects_by_type,
    (
        SELECT count(*) FROM raw.snapshot s WHERE s.epoch_day = d.epoch_day AND s.kind = 'supplemental_gp'
    ) AS supplemental_snapshots_received,
    received.supplemental_records_received,
    jsonb_array_length(screened.metadata -> 'screened_in_part')::bigint AS objects_screened_in_part
FROM (
    SELECT epoch_day FROM raw.snapshot WHERE kind = 'gp'
    UNION
    SELECT epoch_day FROM screening.slice_log WHERE asset IN ('raw_tle_snapshots', 'clean_catalog')
) d
LEFT JOIN LATERAL (
    SELECT l.metadata
    FROM screening.slice_log l
    WHERE l.asset = 'ephemeris_chunks' AND l.epoch_day = d.epoch_day AND l.lead_day = 0
    ORDER BY l.log_id DESC LIMIT 1
) screened ON true
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE n.kind = 'gp') AS records_received,
        count(*) FILTER (WHERE n.kind = 'supplemental_gp') AS supplemental_records_received
    FROM catalog.sighting s
    JOIN raw.snapshot n ON n.snapshot_id = s.snapshot_id
    WHERE s.epoch_day = d.epoch_day
) received
CROSS JOIN LATERAL (
    SELECT
        count(*) AS objects_used,
        count(*) FILTER (WHERE c.is_forward_epoch) AS objects_forward_epoch,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY c.age_days) AS age_median_days,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY c.age_days) AS age_p95_days,
        max(c.age_days) AS age_max_days,
        count(*) FILTER (WHERE 'carried_over' = ANY (string_to_array(c.flags, ' '))) AS objects_carried_over,
        count(*) FILTER (WHERE 'supplemental' = ANY (string_to_array(c.flags, ' '))) AS objects_supplemental,
        count(*) FILTER (
            WHERE string_to_array(c.flags, ' ') && ARRAY['jump_manoeuvre', 'jump_cross_tag', 'analyst_id_reused']
        ) AS objects_jumped
    FROM screening.clean_catalog c
    WHERE c.epoch_day = d.epoch_day
) used
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(r.n), 0)::bigint AS records_rejected,
        coalesce(sum(r.n) FILTER (WHERE r.rule = 'stale'), 0)::bigint AS objects_stale,
        coalesce(jsonb_object_agg(r.rule, r.n), '{}'::jsonb) AS rejected_by_rule
    FROM (
        SELECT rule, count(*) AS n FROM catalog.rejected_record x
        WHERE x.epoch_day = d.epoch_day AND x.asset IN ('raw_tle_snapshots', 'clean_catalog')
        GROUP BY rule
    ) r
) rejected
LEFT JOIN LATERAL (
    SELECT g.state, g.reasons, g.judged_at, g.accepted_by, g.accept_reason
    FROM catalog.release_gate g
    WHERE g.epoch_day = d.epoch_day
    ORDER BY g.raw_log_id DESC
    LIMIT 1
) gate ON true;

-- name: catalog_day
SELECT
    c.epoch_day,
    c.norad_id,
    e.object_name,
    e.object_id,
    c.flags,
    'carried_over' = ANY (string_to_array(c.flags, ' ')) AS is_carried_over,
    c.is_forward_epoch,
    c.source,
    c.source_file,
    c.source_line,
    c.received_day,
    c.epoch_day - c.received_day AS received_age_days,
    e.epoch,
    c.age_days,
    e.mean_motion_rev_per_day,
    e.eccentricity,
    e.inclination_deg,
    1 + (
        SELECT count(*) FROM screening.segment_handover h
        WHERE h.epoch_day = c.epoch_day AND h.norad_id = c.norad_id
    ) AS n_sets,
    c.element_set_id
FROM screening.clean_catalog c
CROSS JOIN LATERAL (
    -- the age tells the epoch well enough to find the partition
    SELECT *
    FROM catalog.element_set s
    WHERE s.element_set_id = c.element_set_id
        AND s.epoch >= c.epoch_day::timestamp AT TIME ZONE 'UTC' - (c.age_days * 86400 + 1) * interval '1 second'
        AND s.epoch <= c.epoch_day::timestamp AT TIME ZONE 'UTC' - (c.age_days * 86400 - 1) * interval '1 second'
    LIMIT 1
) e;

-- name: rejected_records
SELECT
    r.epoch_day,
    r.asset,
    r.rule,
    r.norad_id,
    r.object_name,
    r.detail,
    r.source_file,
    r.source_line,
    r.snapshot_id,
    r.raw,
    s.source
FROM catalog.rejected_record r
LEFT JOIN raw.snapshot s ON s.snapshot_id = r.snapshot_id;

-- name: aliases
SELECT
    a.epoch_day,
    a.norad_id_1,
    s1.object_name AS object_name_1,
    a.norad_id_2,
    s2.object_name AS object_name_2,
    a.reason
FROM catalog.alias a
JOIN screening.clean_catalog c1 ON c1.epoch_day = a.epoch_day AND c1.norad_id = a.norad_id_1
JOIN screening.clean_catalog c2 ON c2.epoch_day = a.epoch_day AND c2.norad_id = a.norad_id_2
JOIN catalog.element_set s1 ON s1.element_set_id = c1.element_set_id
JOIN catalog.element_set s2 ON s2.element_set_id = c2.element_set_id;

-- name: element_sets
SELECT
    e.norad_id,
    e.object_name,
    e.object_id,
    e.epoch,
    e.mean_motion_rev_per_day,
    e.eccentricity,
    e.inclination_deg,
    e.raan_deg,
    e.arg_perigee_deg,
    e.mean_anomaly_deg,
    e.bstar,
    e.mean_motion_dot,
    e.mean_motion_ddot,
    e.classification,
    e.element_set_no,
    e.rev_at_epoch,
    -- each asked only where it is shown
    (SELECT min(s.epoch_day) FROM catalog.sighting s WHERE s.element_set_id = e.element_set_id) AS first_received_day,
    (SELECT max(s.epoch_day) FROM catalog.sighting s WHERE s.element_set_id = e.element_set_id) AS last_received_day,
    (
        SELECT string_agg(DISTINCT n.source, ' ' ORDER BY n.source)
        FROM catalog.sighting s
        JOIN raw.snapshot n ON n.snapshot_id = s.snapshot_id
        WHERE s.element_set_id = e.element_set_id
    ) AS sources,
    e.element_set_id
FROM catalog.element_set e;

-- name: object_changes
WITH day AS (
    SELECT epoch_day, lag(epoch_day) OVER (ORDER BY epoch_day) AS previous_epoch_day
    FROM (SELECT DISTINCT epoch_day FROM screening.slice_log WHERE asset = 'clean_catalog') computed
), pair AS (
    -- objects whose element set is another one than on the day before, or that have one on one of the days only
    SELECT d.epoch_day, d.previous_epoch_day, m.*
    FROM day d
    CROSS JOIN LATERAL (
        SELECT
            norad_id, c.element_set_id, c.age_days, c.flags, p.element_set_id AS previous_element_set_id,
            p.age_days AS previous_age_days
        FROM (SELECT * FROM screening.clean_catalog WHERE epoch_day = d.epoch_day) c
        FULL JOIN (SELECT * FROM screening.clean_catalog WHERE epoch_day = d.previous_epoch_day) p USING (norad_id)
        WHERE c.element_set_id IS DISTINCT FROM p.element_set_id
    ) m
    WHERE d.previous_epoch_day IS NOT NULL
), compared AS (
    SELECT
        q.*,
        n.object_name,
        n.epoch,
        o.object_name AS previous_object_name,
        o.epoch AS previous_epoch,
        (
            SELECT string_agg(word, ' ')
            FROM unnest(string_to_array(q.flags, ' ')) AS word
            WHERE word IN ('jump_manoeuvre', 'jump_cross_tag', 'analyst_id_reused')
        ) AS jump
    FROM pair q
    LEFT JOIN LATERAL (
        -- the age tells the epoch well enough to find the partition
        SELECT s.object_name, s.epoch
        FROM catalog.element_set s
        WHERE s.element_set_id = q.element_set_id
            AND s.epoch >= q.epoch_day::timestamp AT TIME ZONE 'UTC' - (q.age_days * 86400 + 1) * interval '1 second'
            AND s.epoch <= q.epoch_day::timestamp AT TIME ZONE 'UTC' - (q.age_days * 86400 - 1) * interval '1 second'
        LIMIT 1
    ) n ON true
    LEFT JOIN LATERAL (
        SELECT s.object_name, s.epoch
        FROM catalog.element_set s
        WHERE s.element_set_id = q.previous_element_set_id
            AND s.epoch >= q.previous_epoch_day::timestamp AT TIME ZONE 'UTC'
                - (q.previous_age_days * 86400 + 1) * interval '1 second'
            AND s.epoch <= q.previous_epoch_day::timestamp AT TIME ZONE 'UTC'
                - (q.previous_age_days * 86400 - 1) * interval '1 second'
        LIMIT 1
    ) o ON true
)
SELECT
    c.epoch_day,
    c.previous_epoch_day,
    k.change,
    c.norad_id,
    c.object_name,
    c.previous_object_name,
    c.element_set_id,
    c.previous_element_set_id,
    c.epoch,
    c.previous_epoch,
    k.detail
FROM compared c
CROSS JOIN LATERAL (
    SELECT 'appeared' AS change, 'not in the catalogue of ' || c.previous_epoch_day AS detail
    WHERE c.previous_element_set_id IS NULL
    UNION ALL
    SELECT 'vanished', coalesce(
        (
            SELECT string_agg(DISTINCT r.rule, ' ' ORDER BY r.rule)
            FROM catalog.rejected_record r
            WHERE r.epoch_day = c.epoch_day AND r.norad_id = c.norad_id
        ),
        'no set of it received'
    )
    WHERE c.element_set_id IS NULL
    UNION ALL
    SELECT 'renamed', c.previous_object_name || ' -> ' || c.object_name
    WHERE c.object_name <> '' AND c.previous_object_name <> '' AND c.object_name <> c.previous_object_name
    UNION ALL
    SELECT 'jumped', c.jump
    WHERE c.jump IS NOT NULL AND c.previous_element_set_id IS NOT NULL
) k;

-- name: screened_in_part
WITH newest AS (
    SELECT DISTINCT ON (epoch_day, lead_day) epoch_day, lead_day, metadata
    FROM screening.slice_log
    WHERE asset = 'ephemeris_chunks'
    ORDER BY epoch_day, lead_day, log_id DESC
)
SELECT
    n.epoch_day,
    n.lead_day,
    p.norad_id,
    e.object_name,
    p.screened_from_utc,
    p.screened_to_utc,
    p.reason
FROM newest n
CROSS JOIN LATERAL jsonb_to_recordset(n.metadata -> 'screened_in_part')
    AS p(norad_id bigint, screened_from_utc timestamptz, screened_to_utc timestamptz, reason text)
LEFT JOIN screening.clean_catalog c ON c.epoch_day = n.epoch_day AND c.norad_id = p.norad_id
LEFT JOIN catalog.element_set e ON e.element_set_id = c.element_set_id;
