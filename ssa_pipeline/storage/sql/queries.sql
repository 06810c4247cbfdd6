Queries of the storage layer. Those that are read by binary COPY list columns of fixed size first.

-- name: element_set_ids
SELECT content_key, element_set_id
FROM catalog.element_set
WHERE content_key = ANY(%(keys)s) AND epoch >= %(first)s AND epoch <= %(last)s;

-- name: append_element_sets
INSERT INTO catalog.element_set (
    content_key, norad_id, object_name, object_id, epoch, mean_motion_rev_per_day, eccentricity, inclination_deg,
    raan_deg, arg_perigee_deg, mean_anomaly_deg, bstar, mean_motion_dot, mean_motion_ddot, classification,
    element_set_no, rev_at_epoch
)
SELECT *
FROM unnest(
    %(content_key)s::bytea[], %(norad_id)s::bigint[], %(object_name)s::text[], %(object_id)s::text[],
    %(epoch)s::timestamptz[], %(mean_motion_rev_per_day)s::float8[], %(eccentricity)s::float8[],
    %(inclination_deg)s::float8[], %(raan_deg)s::float8[], %(arg_perigee_deg)s::float8[],
    %(mean_anomaly_deg)s::float8[], %(bstar)s::float8[], %(mean_motion_dot)s::float8[],
    %(mean_motion_ddot)s::float8[], %(classification)s::text[], %(element_set_no)s::bigint[],
    %(rev_at_epoch)s::bigint[]
)
ON CONFLICT (content_key, epoch) DO NOTHING;

-- name: received_up_to
-- What the day itself brought, what a source sent again as in the first of its files (but releases of supplemental GP
-- whole); of earlier days that are not held back, per object the newest GP sets by epoch that it did not repeat, and those
-- with an epoch after the day; and the newest supplemental sets of the last days, which are solutions of their own, those
-- of which a release has several for an object whole.
WITH RECURSIVE object AS (
    -- every object with a set in the time looked at, once, by jumping along the index
    (
        SELECT norad_id
        FROM catalog.element_set
        WHERE epoch >= (%(epoch_day)s::date - %(look_back_days)s::int)::timestamp AT TIME ZONE 'UTC'
            AND epoch < (%(epoch_day)s::date + 16)::timestamp AT TIME ZONE 'UTC'
        ORDER BY norad_id
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT e.norad_id
        FROM catalog.element_set e
        WHERE e.norad_id > o.norad_id
            AND e.epoch >= (%(epoch_day)s::date - %(look_back_days)s::int)::timestamp AT TIME ZONE 'UTC'
            AND e.epoch < (%(epoch_day)s::date + 16)::timestamp AT TIME ZONE 'UTC'
        ORDER BY e.norad_id
        LIMIT 1
    )
    FROM object o
    WHERE o.norad_id IS NOT NULL
), of_day AS (
    SELECT element_set_id, snapshot_id, source_line, member, byte_start, byte_count
    FROM (
        SELECT s.*, first_value(s.snapshot_id) OVER (
            PARTITION BY s.element_set_id, g.source, g.kind,
                CASE WHEN g.kind = 'supplemental_gp' THEN g.snapshot_id END
            ORDER BY g.file_name, g.sha256
        ) AS first_snapshot_id
        FROM catalog.sighting s
        JOIN raw.snapshot g ON g.snapshot_id = s.snapshot_id
        WHERE s.epoch_day = %(epoch_day)s
    ) s
    WHERE snapshot_id = first_snapshot_id
), earlier AS (
    SELECT older.element_set_id, older.snapshot_id, older.source_line, older.member, older.byte_start, older.byte_count
    FROM object o
    CROSS JOIN LATERAL (
        (
            SELECT e.element_set_id, seen.*
            FROM catalog.element_set e
            CROSS JOIN LATERAL (
                SELECT s.epoch_day, s.snapshot_id, s.source_line, s.member, s.byte_start, s.byte_count
                FROM catalog.sighting s
                JOIN raw.snapshot g ON g.snapshot_id = s.snapshot_id AND g.kind = 'gp'
                WHERE s.element_set_id = e.element_set_id
                    AND s.epoch_day <= %(epoch_day)s
                    AND s.epoch_day >= %(epoch_day)s::date - %(look_back_days)s::int - 16
                    AND s.epoch_day <> ALL (%(held_days)s::date[])
                    AND e.epoch <= (s.epoch_day + 15)::timestamp AT TIME ZONE 'UTC'
                ORDER BY s.epoch_day DESC, g.source, g.sha256, s.member, s.source_line, s.byte_start
                LIMIT 1
            ) seen
            WHERE e.norad_id = o.norad_id
                AND e.epoch >= (%(epoch_day)s::date - %(look_back_days)s::int)::timestamp AT TIME ZONE 'UTC'
                AND e.epoch < (%(epoch_day)s::date + 1)::timestamp AT TIME ZONE 'UTC'
                AND seen.epoch_day < %(epoch_day)s -- NOT EXISTS of a day without statistics made a plan of 30 to 90 s
            ORDER BY e.epoch DESC, e.content_key
            LIMIT %(older_sets)s
        )
        UNION ALL
        (
            SELECT e.element_set_id, seen.*
            FROM catalog.element_set e
            CROSS JOIN LATERAL (
                SELECT s.epoch_day, s.snapshot_id, s.source_line, s.member, s.byte_start, s.byte_count
                FROM catalog.sighting s
                JOIN raw.snapshot g ON g.snapshot_id = s.snapshot_id AND g.kind = 'gp'
                WHERE s.element_set_id = e.element_set_id
                    AND s.epoch_day <= %(epoch_day)s
                    AND s.epoch_day >= %(epoch_day)s::date - %(look_back_days)s::int - 16
                    AND s.epoch_day <> ALL (%(held_days)s::date[])
                    AND e.epoch <= (s.epoch_day + 15)::timestamp AT TIME ZONE 'UTC'
                ORDER BY s.epoch_day DESC, g.source, g.sha256, s.member, s.source_line, s.byte_start
                LIMIT 1
            ) seen
            WHERE e.norad_id = o.norad_id
                AND e.epoch >= (%(epoch_day)s::date + 1)::timestamp AT TIME ZONE 'UTC'
                AND e.epoch < (%(epoch_day)s::date + 16)::timestamp AT TIME ZONE 'UTC'
                AND seen.epoch_day < %(epoch_day)s -- NOT EXISTS of a day without statistics made a plan of 30 to 90 s
            ORDER BY e.epoch, e.content_key
            LIMIT %(later_sets)s
        )
    ) older
    WHERE o.norad_id IS NOT NULL AND (%(only)s::bigint[] IS NULL OR o.norad_id = ANY(%(only)s::bigint[]))
), supplemental AS (
    SELECT
        u.*,
        row_number() OVER (PARTITION BY u.norad_id, u.is_later ORDER BY u.epoch DESC, u.content_key) AS place,
        count(*) OVER (PARTITION BY u.norad_id, u.snapshot_id) AS n_of_release
    FROM (
        SELECT DISTINCT ON (e.element_set_id) e.norad_id, e.epoch, e.content_key, s.element_set_id, s.snapshot_id,
            s.source_line, s.member, s.byte_start, s.byte_count,
            e.epoch >= (%(epoch_day)s::date + 1)::timestamp AT TIME ZONE 'UTC' AS is_later
        FROM raw.snapshot g
        JOIN catalog.sighting s ON s.epoch_day = g.epoch_day AND s.snapshot_id = g.snapshot_id
        JOIN catalog.element_set e ON e.element_set_id = s.element_set_id
        WHERE g.kind = 'supplemental_gp'
            AND g.epoch_day < %(epoch_day)s
            AND g.epoch_day >= %(epoch_day)s::date - %(supplemental_days)s::int
            AND e.epoch < (%(epoch_day)s::date + 16)::timestamp AT TIME ZONE 'UTC'
        ORDER BY e.element_set_id, s.epoch_day DESC, g.source, g.sha256, s.member, s.source_line, s.byte_start
    ) u
)
SELECT r.snapshot_id, r.source_line, r.byte_start, r.byte_count, e.norad_id, e.epoch, e.mean_motion_rev_per_day,
    e.eccentricity, e.inclination_deg, e.raan_deg, e.arg_perigee_deg, e.mean_anomaly_deg, e.bstar, e.mean_motion_dot,
    e.mean_motion_ddot, e.element_set_no, e.rev_at_epoch, n.epoch_day, e.object_name, e.object_id, e.classification,
    CASE WHEN r.member = '' THEN n.file_name ELSE n.file_name || '!' || r.member END, n.source, n.kind, r.member,
    coalesce(
        CASE
            -- where several sets have one epoch, the best of all sources that sent each decides
            WHEN e.epoch < lag(e.epoch) OVER same_object + interval '1 ms'
                OR e.epoch > lead(e.epoch) OVER same_object - interval '1 ms'
            THEN (
                SELECT string_agg(DISTINCT g.source, E'\n')
                FROM catalog.sighting s
                JOIN raw.snapshot g ON g.snapshot_id = s.snapshot_id AND g.kind = n.kind
                WHERE s.element_set_id = e.element_set_id
                    AND s.epoch_day <= %(epoch_day)s
                    AND s.epoch_day >= %(epoch_day)s::date - %(look_back_days)s::int - 16
                    AND s.epoch_day <> ALL (%(held_days)s::date[])
                    AND e.epoch <= (s.epoch_day + 15)::timestamp AT TIME ZONE 'UTC'
            )
        END,
        n.source
    )
FROM (
    SELECT * FROM of_day
    UNION ALL
    SELECT * FROM earlier
    UNION ALL
    SELECT element_set_id, snapshot_id, source_line, member, byte_start, byte_count
    FROM supplemental
    WHERE n_of_release > 1 OR (NOT is_later AND place <= %(supplemental_sets)s)
) r
JOIN catalog.element_set e ON e.element_set_id = r.element_set_id
JOIN raw.snapshot n ON n.snapshot_id = r.snapshot_id
WHERE %(only)s::bigint[] IS NULL OR e.norad_id = ANY(%(only)s::bigint[])
WINDOW same_object AS (PARTITION BY e.norad_id ORDER BY e.epoch)
ORDER BY e.norad_id, e.epoch, e.content_key, n.epoch_day, n.sha256, r.member, r.source_line, r.byte_start;

-- name: rejected_of_slice
SELECT snapshot_id, source_file, source_line, rule, detail, raw, norad_id, object_name
FROM catalog.rejected_record
WHERE epoch_day = %(epoch_day)s AND asset = %(asset)s
ORDER BY ordinal;

-- name: clean_catalog
SELECT c.age_days, c.is_forward_epoch, c.source_line, e.norad_id, e.epoch, e.mean_motion_rev_per_day,
    e.eccentricity, e.inclination_deg, e.raan_deg, e.arg_perigee_deg, e.mean_anomaly_deg, e.bstar,
    e.mean_motion_dot, e.mean_motion_ddot, e.element_set_no, e.rev_at_epoch,
    coalesce(c.received_day, c.epoch_day), e.object_name, e.object_id, e.classification, c.source_file, c.source,
    c.flags
FROM screening.clean_catalog c
CROSS JOIN LATERAL (
    -- the age tells the epoch well enough to find the partition
    SELECT *
    FROM catalog.element_set s
    WHERE s.element_set_id = c.element_set_id
        AND s.epoch >= c.epoch_day::timestamp AT TIME ZONE 'UTC' - (c.age_days * 86400 + 1) * interval '1 second'
        AND s.epoch <= c.epoch_day::timestamp AT TIME ZONE 'UTC' - (c.age_days * 86400 - 1) * interval '1 second'
    LIMIT 1
) e
WHERE c.epoch_day = %(epoch_day)s
ORDER BY c.norad_id;

-- name: aliases
SELECT norad_id_1, norad_id_2, reason
FROM catalog.alias
WHERE epoch_day = %(epoch_day)s
ORDER BY norad_id_1, norad_id_2;

-- name: object_ids
SELECT norad_id FROM screening.clean_catalog WHERE epoch_day = %(epoch_day)s ORDER BY norad_id;

-- name: handovers
SELECT h.lead_day, h.source_line, e.norad_id, e.epoch, e.mean_motion_rev_per_day, e.eccentricity, e.inclination_deg,
    e.raan_deg, e.arg_perigee_deg, e.mean_anomaly_deg, e.bstar, e.mean_motion_dot, e.mean_motion_ddot, e.element_set_no,
    e.rev_at_epoch, e.object_name, e.object_id, e.classification, h.source_file
FROM screening.segment_handover h
JOIN catalog.element_set e ON e.element_set_id = h.element_set_id AND e.epoch = h.epoch
WHERE h.epoch_day = %(epoch_day)s
ORDER BY h.lead_day, h.norad_id;

-- name: membership
SELECT c.norad_id, coalesce(h.element_set_id, c.element_set_id), coalesce(h.epoch, e.epoch)
FROM screening.clean_catalog c
CROSS JOIN LATERAL (
    -- the age tells the epoch well enough to find the partition
    SELECT *
    FROM catalog.element_set s
    WHERE s.element_set_id = c.element_set_id
        AND s.epoch >= c.epoch_day::timestamp AT TIME ZONE 'UTC' - (c.age_days * 86400 + 1) * interval '1 second'
        AND s.epoch <= c.epoch_day::timestamp AT TIME ZONE 'UTC' - (c.age_days * 86400 - 1) * interval '1 second'
    LIMIT 1
) e
LEFT JOIN (
    SELECT DISTINCT ON (norad_id) norad_id, element_set_id, epoch
    FROM screening.segment_handover
    WHERE epoch_day = %(epoch_day)s AND lead_day <= %(lead_day)s
    ORDER BY norad_id, lead_day DESC
) h ON h.norad_id = c.norad_id
WHERE c.epoch_day = %(epoch_day)s
ORDER BY c.norad_id;

-- name: ephemeris_chunks
SELECT format_version, norad_id, status, spacing_us, first_node, node_count, scale_km, error_bound_km,
    acceleration_bound_km_s2, valid_from, valid_to, nodes
FROM screening.ephemeris_chunk
WHERE epoch_day = %(epoch_day)s AND lead_day = %(lead_day)s
ORDER BY norad_id;

-- name: ephemeris_chunks_without_nodes
SELECT format_version, norad_id, status, spacing_us, first_node, node_count, scale_km, error_bound_km,
    acceleration_bound_km_s2, valid_from, valid_to, octet_length(nodes)
FROM screening.ephemeris_chunk
WHERE epoch_day = %(epoch_day)s AND lead_day = %(lead_day)s
ORDER BY norad_id;

-- name: conjunction_candidates
SELECT norad_id_1, norad_id_2, step_start, step_end, approx_miss_km, approx_speed_km_s, is_slow
FROM screening.conjunction_candidate
WHERE epoch_day = %(epoch_day)s AND lead_day = %(lead_day)s
ORDER BY step_start, norad_id_1, norad_id_2, step_end;

-- name: refined_events
SELECT norad_id_1, norad_id_2, tca_utc, miss_distance_km, relative_speed_km_s, miss_r_km, miss_t_km, miss_n_km,
    relative_velocity_r_km_s, relative_velocity_t_km_s, relative_velocity_n_km_s, approach_angle_deg,
    coalesce(latitude_deg, 'NaN') AS latitude_deg, coalesce(longitude_deg, 'NaN') AS longitude_deg,
    coalesce(altitude_km, 'NaN') AS altitude_km, -- slices of older releases have none
    age_1_days, age_2_days, epoch_1_utc, epoch_2_utc, start_utc, end_utc, n_minima,
    coalesce(below_threshold_s, 'NaN') AS below_threshold_s, coalesce(n_passages, 0) AS n_passages, event_class, flags
FROM screening.refined_event
WHERE epoch_day = %(epoch_day)s AND lead_day = %(lead_day)s
ORDER BY tca_utc, norad_id_1, norad_id_2, start_utc;

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
