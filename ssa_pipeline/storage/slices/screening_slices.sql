The slices of a lead day. What is read by binary COPY lists columns of fixed size first.

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
