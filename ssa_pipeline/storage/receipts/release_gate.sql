The completeness gate. A day may be judged many times, once per version of its slice raw_tle_snapshots; its newest
judgement counts.

-- name: received_on
-- Each object of a day's GP snapshots with its newest set.
SELECT DISTINCT ON (e.norad_id) 1::bigint AS source_line, e.norad_id, e.epoch, e.mean_motion_rev_per_day,
    e.eccentricity, e.inclination_deg, e.raan_deg, e.arg_perigee_deg, e.mean_anomaly_deg, e.bstar, e.mean_motion_dot,
    e.mean_motion_ddot, e.element_set_no, e.rev_at_epoch, e.object_name, e.object_id, e.classification,
    ''::text AS source_file
FROM catalog.sighting s
JOIN catalog.element_set e ON e.element_set_id = s.element_set_id
WHERE s.epoch_day = %(epoch_day)s
    AND s.snapshot_id IN (SELECT n.snapshot_id FROM raw.snapshot n WHERE n.epoch_day = %(epoch_day)s AND n.kind = 'gp')
ORDER BY e.norad_id, e.epoch DESC, e.content_key;

-- name: newest_raw
-- The newest version of what was received on a day, and the GP snapshots in it.
SELECT l.log_id, ARRAY(
    SELECT n.snapshot_id
    FROM raw.snapshot n
    WHERE n.kind = 'gp' AND n.snapshot_id IN (
        SELECT jsonb_array_elements_text(l.metadata -> 'snapshot_ids')::bigint
    )
    ORDER BY n.snapshot_id
)
FROM screening.slice_log l
WHERE l.asset = 'raw_tle_snapshots' AND l.epoch_day = %(epoch_day)s
ORDER BY l.log_id DESC
LIMIT 1;

-- name: trusted_days
-- The newest trusted day, the largest since the last one that was accepted (a smaller catalogue, and an operator said so),
-- of equal ones the oldest; and that accepted day.
WITH trusted AS (
    SELECT g.epoch_day, g.state, coalesce((g.measures ->> 'objects')::bigint, 0) AS objects
    FROM (
        SELECT DISTINCT ON (epoch_day) epoch_day, state, measures
        FROM catalog.release_gate
        WHERE epoch_day < %(epoch_day)s AND epoch_day >= %(epoch_day)s::date - %(look_back_days)s::int
        ORDER BY epoch_day, raw_log_id DESC
    ) g
    WHERE g.state <> 'held'
), accepted AS (
    SELECT max(epoch_day) AS epoch_day FROM trusted WHERE state = 'accepted'
)
SELECT
    (SELECT max(epoch_day) FROM trusted),
    (
        SELECT t.epoch_day FROM trusted t
        WHERE t.epoch_day >= coalesce(a.epoch_day, t.epoch_day)
        ORDER BY t.objects DESC, t.epoch_day
        LIMIT 1
    ),
    a.epoch_day
FROM accepted a;

-- name: in_use
-- Objects of a day's catalogue that came in GP since a day.
SELECT c.norad_id
FROM screening.clean_catalog c
WHERE c.epoch_day = %(epoch_day)s AND c.received_day >= %(since)s
    AND NOT 'supplemental' = ANY (string_to_array(c.flags, ' '))
ORDER BY c.norad_id;

-- name: held_days
-- Earlier days that are held back: nothing is carried over from them.
SELECT coalesce(array_agg(g.epoch_day ORDER BY g.epoch_day), '{}')
FROM (
    SELECT DISTINCT ON (epoch_day) epoch_day, state
    FROM catalog.release_gate
    WHERE epoch_day < %(epoch_day)s AND epoch_day >= %(epoch_day)s::date - %(look_back_days)s::int
    ORDER BY epoch_day, raw_log_id DESC
) g
WHERE g.state = 'held';

-- name: newest_received_day
-- The newest earlier day with a catalogue in hand that is not held back, judged or not.
SELECT max(n.epoch_day)
FROM raw.snapshot n
WHERE n.kind = 'gp' AND n.epoch_day < %(epoch_day)s AND n.epoch_day >= %(epoch_day)s::date - %(look_back_days)s::int
    AND (
        SELECT g.state FROM catalog.release_gate g WHERE g.epoch_day = n.epoch_day ORDER BY g.raw_log_id DESC LIMIT 1
    ) IS DISTINCT FROM 'held';

-- name: lock
-- One judgement or acceptance at a time; readers do not wait. It is the first statement of its transaction: unlike a
-- query, which an advisory lock would be, it does not fix the moment that a REPEATABLE READ transaction sees.
LOCK TABLE catalog.release_gate IN SHARE ROW EXCLUSIVE MODE;

-- name: record
-- What was accepted stays accepted for exactly the snapshots that the operator saw.
INSERT INTO catalog.release_gate AS g (
    raw_log_id, epoch_day, snapshot_ids, state, reasons, measures, accepted_by, accepted_at, accept_reason
)
SELECT j.raw_log_id, j.epoch_day, j.snapshot_ids,
    CASE WHEN NOT j.is_held THEN 'open' WHEN a.accepted_at IS NULL THEN 'held' ELSE 'accepted' END,
    j.reasons, j.measures,
    CASE WHEN j.is_held THEN a.accepted_by END,
    CASE WHEN j.is_held THEN a.accepted_at END,
    CASE WHEN j.is_held THEN a.accept_reason END
FROM (
    SELECT %(raw_log_id)s::bigint AS raw_log_id, %(epoch_day)s::date AS epoch_day,
        %(snapshot_ids)s::bigint[] AS snapshot_ids, %(is_held)s::boolean AS is_held, %(reasons)s::text[] AS reasons,
        %(measures)s::jsonb AS measures
) j
LEFT JOIN LATERAL (
    SELECT accepted_by, accepted_at, accept_reason
    FROM catalog.release_gate
    WHERE epoch_day = j.epoch_day AND snapshot_ids = j.snapshot_ids AND state = 'accepted'
    ORDER BY raw_log_id DESC
    LIMIT 1
) a ON true
ON CONFLICT (raw_log_id) DO UPDATE SET
    state = excluded.state, reasons = excluded.reasons, measures = excluded.measures, judged_at = clock_timestamp(),
    accepted_by = excluded.accepted_by, accepted_at = excluded.accepted_at, accept_reason = excluded.accept_reason;

-- name: accept
UPDATE catalog.release_gate
SET state = 'accepted', accepted_by = %(accepted_by)s, accepted_at = clock_timestamp(), accept_reason = %(reason)s
WHERE raw_log_id = %(raw_log_id)s;

-- name: newest_of_day
SELECT raw_log_id, epoch_day, snapshot_ids, state, reasons, measures, judged_at, accepted_by, accepted_at, accept_reason
FROM catalog.release_gate
WHERE epoch_day = %(epoch_day)s
ORDER BY raw_log_id DESC
LIMIT 1;

-- name: newest_days
SELECT DISTINCT ON (epoch_day) raw_log_id, epoch_day, snapshot_ids, state, reasons, measures, judged_at, accepted_by,
    accepted_at, accept_reason
FROM catalog.release_gate
ORDER BY epoch_day DESC, raw_log_id DESC
LIMIT %(days)s;

-- name: snapshots_of_day
SELECT ARRAY(SELECT snapshot_id FROM raw.snapshot WHERE epoch_day = %(epoch_day)s AND kind = 'gp' ORDER BY snapshot_id);
