SET LOCAL lock_timeout = '10s';
LOCK TABLE catalog.element_set IN ACCESS EXCLUSIVE MODE;

-- All views of the schema are ours and are made again after the revisions; one of somebody else that stands on them
-- is named by the error.
DO $$
DECLARE
    ours text := (SELECT string_agg(format('ssa.%I', viewname), ', ') FROM pg_views WHERE schemaname = 'ssa');
BEGIN
    IF ours IS NOT NULL THEN
        EXECUTE 'DROP VIEW ' || ours;
    END IF;
END $$;

ALTER TABLE catalog.element_set RENAME TO element_set_in_one_piece;
CREATE SEQUENCE catalog.element_set_id_seq;
CREATE TABLE catalog.element_set (
    element_set_id bigint NOT NULL DEFAULT nextval('catalog.element_set_id_seq'),
    content_key bytea NOT NULL CHECK (octet_length(content_key) = 32),
    norad_id bigint NOT NULL,
    object_name text NOT NULL,
    object_id text NOT NULL,
    epoch timestamptz NOT NULL,
    mean_motion_rev_per_day double precision NOT NULL,
    eccentricity double precision NOT NULL,
    inclination_deg double precision NOT NULL,
    raan_deg double precision NOT NULL,
    arg_perigee_deg double precision NOT NULL,
    mean_anomaly_deg double precision NOT NULL,
    bstar double precision NOT NULL,
    mean_motion_dot double precision NOT NULL,
    mean_motion_ddot double precision NOT NULL,
    classification text NOT NULL,
    element_set_no bigint NOT NULL,
    rev_at_epoch bigint NOT NULL
) PARTITION BY RANGE (epoch);
ALTER SEQUENCE catalog.element_set_id_seq OWNED BY catalog.element_set.element_set_id;
CREATE TABLE catalog.element_set_default PARTITION OF catalog.element_set DEFAULT;

-- The years that the days received look at, as storage/partitions.py makes them.
DO $$
DECLARE
    year integer;
BEGIN
    FOR year IN
        SELECT DISTINCT date_part('year', day)::integer
        FROM raw.snapshot s
        CROSS JOIN LATERAL (VALUES (s.epoch_day - 120), (s.epoch_day + 16)) AS looked_at (day)
        ORDER BY 1
    LOOP
        EXECUTE format(
            'CREATE TABLE catalog.%I PARTITION OF catalog.element_set FOR VALUES FROM (%L) TO (%L)',
            'element_set_p' || year, year || '-01-01 00:00:00+00', year + 1 || '-01-01 00:00:00+00'
        );
    END LOOP;
END $$;

INSERT INTO catalog.element_set SELECT * FROM catalog.element_set_in_one_piece;
SELECT setval('catalog.element_set_id_seq', coalesce(max(element_set_id), 0) + 1, false)
FROM catalog.element_set_in_one_piece;
DROP TABLE catalog.element_set_in_one_piece;
ALTER TABLE catalog.element_set
    ADD PRIMARY KEY (element_set_id, epoch),
    ADD UNIQUE (content_key, epoch);
CREATE INDEX element_set_of_object ON catalog.element_set (norad_id, epoch DESC);
ANALYZE catalog.element_set;
