Functions of the views, public as they are: what a name and an orbit say. They say it as the core does, which a test
compares; braces are filled from the core. Names are compared in ASCII, whatever the database's collation.

-- name: constellation_of
-- As core.volumes.screening_volume.constellations.
CREATE OR REPLACE FUNCTION ssa.constellation_of(object_name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN position('-' IN object_name) > 0
            AND upper(split_part(object_name, '-', 1) COLLATE "C") = ANY ({stems}::text[])
            AND rtrim(upper(object_name COLLATE "C")) NOT LIKE ALL ({endings}::text[])
        THEN upper(split_part(object_name, '-', 1) COLLATE "C")
    END
$$;

-- name: object_type_of
-- As core.catalog.completeness.object_types; of an object without a name nothing is known.
CREATE OR REPLACE FUNCTION ssa.object_type_of(object_name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN btrim(object_name) = '' THEN NULL
        WHEN upper(object_name COLLATE "C") ~ '(^|\s)DEB(\s|$)' THEN 'DEBRIS'
        WHEN upper(object_name COLLATE "C") ~ '(^|\s)R/B' THEN 'ROCKET BODY'
        WHEN object_name IS NOT NULL THEN 'PAYLOAD'
    END
$$;

-- name: regime_of
-- As core.orbits.mean_orbit.regimes; the semi-major axis from the Kozai mean motion, WGS-72 gravity.
CREATE OR REPLACE FUNCTION ssa.regime_of(mean_motion_rev_per_day double precision, eccentricity double precision)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN mean_motion_rev_per_day IS NULL OR mean_motion_rev_per_day <= 0 THEN NULL
        WHEN power({mu} * power(86400.0 / (2 * pi() * mean_motion_rev_per_day), 2), 1.0 / 3) * (1 + eccentricity)
            - {radius} < 2000 THEN 'LEO'
        WHEN eccentricity >= 0.25 THEN 'HEO'
        WHEN abs(mean_motion_rev_per_day - 1) <= 0.1 AND eccentricity < 0.1 THEN 'GEO'
        WHEN mean_motion_rev_per_day < 0.9 THEN 'beyond GEO'
        ELSE 'MEO'
    END
$$;
