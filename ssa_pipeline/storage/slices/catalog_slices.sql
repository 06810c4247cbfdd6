Element sets, rejected records, and the slices of a whole epoch day. What is read by binary COPY lists columns of fixed size first.

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
