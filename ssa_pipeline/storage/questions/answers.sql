What `ssa events` and `ssa why` ask.

-- name: newest_event_day
SELECT max(epoch_day) FROM screening.slice_log WHERE asset = 'refined_events' AND expired_at IS NULL;

-- name: events
SELECT norad_id_1, norad_id_2, object_name_1 AS name_1, object_name_2 AS name_2, tca_utc, miss_distance_km,
    relative_speed_km_s, miss_r_km, miss_t_km, miss_n_km, age_1_days, age_2_days, epoch_1_utc AS epoch_1,
    epoch_2_utc AS epoch_2, event_class, start_utc, end_utc, n_minima, flags, below_threshold_s, n_passages,
    epoch_day, lead_day, run_id, code_version
FROM ssa.events_latest
WHERE (%(is_crossing)s::boolean = (event_class = 'crossing'))
    AND (%(epoch_day)s::date IS NULL OR epoch_day = %(epoch_day)s::date)
    AND (%(lead_days)s::int[] IS NULL OR lead_day = ANY (%(lead_days)s::int[]))
    AND (%(tca_from)s::date IS NULL OR tca_utc >= %(tca_from)s::date::timestamp AT TIME ZONE 'UTC')
    AND (%(tca_to)s::date IS NULL OR tca_utc < (%(tca_to)s::date + 1)::timestamp AT TIME ZONE 'UTC')
    AND (%(max_age_days)s::float8 IS NULL OR greatest(age_1_days, age_2_days) <= %(max_age_days)s::float8)
    AND (%(constellation)s::text IS NULL OR %(constellation)s::text IN (constellation_1, constellation_2))
    AND (NOT %(exclude_companions)s::boolean OR (
        (constellation_1 = constellation_2) IS NOT TRUE
        AND NOT string_to_array(flags, ' ') && ARRAY['identical_elements', 'constant_range']
    ))
    AND (%(norad_id)s::bigint IS NULL OR %(norad_id)s::bigint IN (norad_id_1, norad_id_2))
    AND (%(max_miss_km)s::float8 IS NULL OR miss_distance_km <= %(max_miss_km)s::float8)
ORDER BY miss_distance_km, tca_utc, norad_id_1, norad_id_2
LIMIT %(limit)s;

-- name: thinned
SELECT array_agg(lead_day ORDER BY lead_day), min((metadata ->> 'thinned_beyond_km')::float8)
FROM (
    SELECT DISTINCT ON (lead_day) lead_day, metadata
    FROM screening.slice_log
    WHERE asset = 'refined_events' AND epoch_day = %(epoch_day)s
    ORDER BY lead_day, log_id DESC
) newest
WHERE metadata ? 'thinned_beyond_km';

-- name: newest_catalog_day
SELECT max(epoch_day) FROM screening.slice_log WHERE asset = 'clean_catalog' AND expired_at IS NULL;

-- name: is_object_known
SELECT EXISTS (SELECT FROM catalog.element_set WHERE norad_id = %(norad_id)s)
    OR EXISTS (SELECT FROM catalog.rejected_record WHERE norad_id = %(norad_id)s)
    OR EXISTS (SELECT FROM catalog.satcat WHERE norad_id = %(norad_id)s);

-- name: set_in_use
SELECT e.norad_id, e.object_name, e.epoch, c.age_days, c.is_forward_epoch, c.source_file, c.source_line, c.element_set_id,
    c.source, c.received_day, c.flags
FROM screening.clean_catalog c
JOIN catalog.element_set e ON e.element_set_id = c.element_set_id
WHERE c.epoch_day = %(epoch_day)s AND c.norad_id = %(norad_id)s;

-- name: handovers_of_object
SELECT h.lead_day, h.epoch, e.object_name, h.source_file, h.source_line, h.element_set_id
FROM screening.segment_handover h
JOIN catalog.element_set e ON e.element_set_id = h.element_set_id AND e.epoch = h.epoch
WHERE h.epoch_day = %(epoch_day)s AND h.norad_id = %(norad_id)s
ORDER BY h.lead_day;

-- name: rejected_of_object
SELECT asset, rule, detail, source_file, source_line, source
FROM ssa.rejected_records
WHERE epoch_day = %(epoch_day)s AND norad_id = %(norad_id)s
ORDER BY asset DESC, source_file, source_line;

-- name: screened_in_part_of_object
SELECT lead_day, screened_from_utc, screened_to_utc, reason
FROM ssa.screened_in_part
WHERE epoch_day = %(epoch_day)s AND norad_id = %(norad_id)s
ORDER BY lead_day;

-- name: aliases_of_object
SELECT epoch_day, norad_id_1, object_name_1, norad_id_2, object_name_2, reason
FROM ssa.aliases
WHERE epoch_day = %(epoch_day)s
    AND (%(norad_id)s::bigint IS NULL OR %(norad_id)s::bigint IN (norad_id_1, norad_id_2))
ORDER BY norad_id_1, norad_id_2;

-- name: satcat_row
SELECT k.satcat_name, k.object_type, k.owner, k.operational_status, k.launch_date, k.decay_date, k.satcat_period_min,
    k.rcs_m2, k.rcs_size, k.epoch_day, k.source_line, s.file_name
FROM catalog.satcat k
JOIN raw.snapshot s ON s.snapshot_id = k.snapshot_id
WHERE k.norad_id = %(norad_id)s;

-- name: chunk_at
SELECT c.epoch_day, c.lead_day, c.format_version, c.status, c.spacing_us, c.first_node, c.scale_km, c.error_bound_km,
    c.valid_from, c.valid_to, c.nodes
FROM generate_series(0, 6) AS lead
CROSS JOIN LATERAL (
    SELECT *
    FROM screening.ephemeris_chunk e
    WHERE e.epoch_day = %(day)s::date - lead AND e.lead_day = lead AND e.norad_id = %(norad_id)s
) c
WHERE %(epoch_day)s::date IS NULL OR c.epoch_day = %(epoch_day)s::date
ORDER BY c.epoch_day DESC
LIMIT 1;

-- name: newest_chunks_of_day
SELECT epoch_day, lead_day, expired_at
FROM screening.slice_log
WHERE asset = 'ephemeris_chunks' AND epoch_day + lead_day = %(day)s::date
    AND (%(epoch_day)s::date IS NULL OR epoch_day = %(epoch_day)s::date)
ORDER BY epoch_day DESC, log_id DESC
LIMIT 1;

-- name: received_day_that_reaches
-- The newest day with a catalogue from which the day asked for is one of the lead days.
SELECT max(epoch_day)
FROM raw.snapshot
WHERE kind = 'gp' AND epoch_day <= %(day)s::date AND epoch_day > %(day)s::date - %(lead_days)s::int
    AND (%(epoch_day)s::date IS NULL OR epoch_day = %(epoch_day)s::date)
HAVING count(*) > 0;

-- name: days_received
SELECT min(epoch_day), max(epoch_day) FROM raw.snapshot WHERE kind = 'gp';

-- name: objects_named
SELECT norad_id, (array_agg(object_name ORDER BY rank, epoch DESC))[1], max(object_id)
FROM (
    SELECT norad_id, object_name, object_id, epoch, 0 AS rank
    FROM catalog.element_set
    WHERE position(upper(%(text)s::text) IN upper(object_name)) > 0 OR object_id = upper(%(text)s::text)
    UNION ALL
    SELECT norad_id, satcat_name, object_id, received_at, 1
    FROM catalog.satcat
    WHERE position(upper(%(text)s::text) IN upper(satcat_name)) > 0 OR object_id = upper(%(text)s::text)
) named
GROUP BY norad_id
ORDER BY norad_id;
