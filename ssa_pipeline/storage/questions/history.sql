What `ssa history` and `ssa diff` ask.

-- name: history
WITH used AS (
    SELECT
        u.element_set_id,
        min(u.epoch_day) AS first_used_day,
        max(u.epoch_day) AS last_used_day,
        count(DISTINCT u.epoch_day) AS days_used,
        array_agg(DISTINCT w.word) FILTER (WHERE w.word = ANY(%(cuts)s)) AS jumps
    FROM (SELECT DISTINCT epoch_day FROM screening.slice_log WHERE asset = 'clean_catalog') d
    CROSS JOIN LATERAL (
        -- one look into one partition per day; there is no index by object alone
        SELECT c.epoch_day, c.element_set_id, c.flags
        FROM screening.clean_catalog c
        WHERE c.epoch_day = d.epoch_day AND c.norad_id = %(norad_id)s
        LIMIT 1
    ) u
    LEFT JOIN LATERAL unnest(string_to_array(u.flags, ' ')) AS w (word) ON true
    GROUP BY u.element_set_id
), sized AS (
    -- semi-major axis from the Kozai mean motion, WGS-72 gravity (398600.8 km^3/s^2)
    SELECT
        e.element_set_id,
        e.epoch,
        e.object_name,
        e.eccentricity,
        e.inclination_deg,
        CASE WHEN e.mean_motion_rev_per_day > 0
            THEN power(398600.8 * power(86400.0 / (2 * pi() * e.mean_motion_rev_per_day), 2), 1.0 / 3)
        END AS semi_major_axis_km
    FROM catalog.element_set e
    WHERE e.norad_id = %(norad_id)s
), stepped AS (
    SELECT
        z.*,
        u.first_used_day,
        u.last_used_day,
        coalesce(u.days_used, 0) AS days_used,
        coalesce(array_to_string(u.jumps, ' '), '') AS jump,
        1 + count(u.jumps) OVER step AS segment,
        extract(epoch FROM z.epoch - lag(z.epoch) OVER step)::float8 / 86400 AS gap_days,
        z.semi_major_axis_km - lag(z.semi_major_axis_km) OVER step AS semi_major_axis_change_km,
        z.inclination_deg - lag(z.inclination_deg) OVER step AS inclination_change_deg
    FROM sized z
    LEFT JOIN used u ON u.element_set_id = z.element_set_id
    WINDOW step AS (ORDER BY z.epoch, z.element_set_id)
), wanted AS (
    SELECT *
    FROM stepped
    WHERE (%(first)s::date IS NULL OR epoch >= %(first)s::date::timestamp AT TIME ZONE 'UTC')
        AND (%(last)s::date IS NULL OR epoch < (%(last)s::date + 1)::timestamp AT TIME ZONE 'UTC')
    ORDER BY epoch DESC, element_set_id DESC
    LIMIT %(limit)s
)
SELECT
    w.epoch,
    w.object_name,
    w.gap_days,
    w.semi_major_axis_km,
    w.semi_major_axis_change_km,
    w.eccentricity,
    w.inclination_deg,
    w.inclination_change_deg,
    w.segment,
    w.jump,
    r.sources,
    r.first_received_day,
    w.first_used_day,
    w.last_used_day,
    w.days_used,
    w.element_set_id
FROM wanted w
CROSS JOIN LATERAL (
    SELECT coalesce(string_agg(DISTINCT n.source, ' ' ORDER BY n.source), '') AS sources,
        min(s.epoch_day) AS first_received_day
    FROM catalog.sighting s
    JOIN raw.snapshot n ON n.snapshot_id = s.snapshot_id
    WHERE s.element_set_id = w.element_set_id
) r
ORDER BY w.epoch, w.element_set_id;

-- name: jumps_between
-- Of the days after the first: a set that was in use on the first day already jumped before.
SELECT c.norad_id, string_agg(DISTINCT w.word, ' ' ORDER BY w.word)
FROM screening.clean_catalog c
CROSS JOIN LATERAL unnest(string_to_array(c.flags, ' ')) AS w (word)
WHERE c.epoch_day > %(before)s AND c.epoch_day <= %(after)s
    AND w.word = ANY(%(cuts)s)
    AND NOT EXISTS (
        SELECT
        FROM screening.clean_catalog p
        WHERE p.epoch_day = %(before)s AND p.norad_id = c.norad_id AND p.element_set_id = c.element_set_id
    )
GROUP BY c.norad_id;

-- name: lead_days_screened
SELECT DISTINCT lead_day FROM screening.slice_log
WHERE asset = 'refined_events' AND epoch_day = %(epoch_day)s AND expired_at IS NULL
ORDER BY lead_day;
