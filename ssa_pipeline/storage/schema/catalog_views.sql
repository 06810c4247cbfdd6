The public views of what was received and what the catalogue of a day says; see event_views.sql.

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
