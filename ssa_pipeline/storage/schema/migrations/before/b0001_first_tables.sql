CREATE TABLE raw.content (
    sha256 bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    content bytea NOT NULL,
    byte_count bigint NOT NULL CHECK (byte_count = octet_length(content))
);
ALTER TABLE raw.content ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE raw.snapshot (
    snapshot_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epoch_day date NOT NULL,
    source text NOT NULL,
    file_name text NOT NULL,
    sha256 bytea NOT NULL REFERENCES raw.content,
    received_at timestamptz NOT NULL,
    UNIQUE (epoch_day, sha256)
);

CREATE TABLE catalog.element_set (
    element_set_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    content_key bytea NOT NULL UNIQUE CHECK (octet_length(content_key) = 32),
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
);
CREATE INDEX element_set_of_object ON catalog.element_set (norad_id, epoch DESC);

CREATE TABLE catalog.sighting (
    epoch_day date NOT NULL,
    snapshot_id bigint NOT NULL,
    source_line bigint NOT NULL,
    element_set_id bigint NOT NULL,
    PRIMARY KEY (epoch_day, snapshot_id, source_line)
) PARTITION BY RANGE (epoch_day);
CREATE INDEX sighting_of_element_set ON catalog.sighting (element_set_id, epoch_day DESC);

CREATE TABLE catalog.rejected_record (
    epoch_day date NOT NULL,
    asset text NOT NULL,
    ordinal bigint NOT NULL,
    snapshot_id bigint,
    source_file text NOT NULL,
    source_line bigint NOT NULL,
    rule text NOT NULL,
    detail text NOT NULL,
    norad_id bigint,
    object_name text,
    raw bytea NOT NULL,
    PRIMARY KEY (epoch_day, asset, ordinal)
) PARTITION BY RANGE (epoch_day);
CREATE INDEX rejected_record_of_object ON catalog.rejected_record (norad_id, epoch_day);

CREATE TABLE screening.clean_catalog (
    epoch_day date NOT NULL,
    norad_id bigint NOT NULL,
    element_set_id bigint NOT NULL,
    age_days double precision NOT NULL,
    is_forward_epoch boolean NOT NULL,
    source_file text NOT NULL,
    source_line bigint NOT NULL,
    PRIMARY KEY (epoch_day, norad_id)
) PARTITION BY RANGE (epoch_day);

CREATE TABLE screening.ephemeris_chunk (
    epoch_day date NOT NULL,
    lead_day smallint NOT NULL,
    norad_id bigint NOT NULL,
    format_version smallint NOT NULL,
    status smallint NOT NULL,
    spacing_us bigint NOT NULL,
    first_node timestamptz NOT NULL,
    node_count integer NOT NULL,
    scale_km double precision NOT NULL,
    error_bound_km double precision NOT NULL,
    acceleration_bound_km_s2 double precision NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz NOT NULL,
    nodes bytea NOT NULL,
    PRIMARY KEY (epoch_day, lead_day, norad_id)
) PARTITION BY RANGE (epoch_day);
ALTER TABLE screening.ephemeris_chunk ALTER COLUMN nodes SET STORAGE EXTERNAL;

CREATE TABLE screening.conjunction_candidate (
    epoch_day date NOT NULL,
    lead_day smallint NOT NULL,
    norad_id_1 bigint NOT NULL,
    norad_id_2 bigint NOT NULL,
    step_start timestamptz NOT NULL,
    step_end timestamptz NOT NULL,
    approx_miss_km double precision NOT NULL,
    approx_speed_km_s double precision NOT NULL,
    is_slow boolean NOT NULL
) PARTITION BY RANGE (epoch_day);
CREATE INDEX conjunction_candidate_slice ON screening.conjunction_candidate (epoch_day, lead_day);

CREATE TABLE screening.refined_event (
    epoch_day date NOT NULL,
    lead_day smallint NOT NULL,
    norad_id_1 bigint NOT NULL,
    norad_id_2 bigint NOT NULL,
    tca_utc timestamptz NOT NULL,
    miss_distance_km double precision NOT NULL,
    relative_speed_km_s double precision NOT NULL,
    miss_r_km double precision NOT NULL,
    miss_t_km double precision NOT NULL,
    miss_n_km double precision NOT NULL,
    relative_velocity_r_km_s double precision NOT NULL,
    relative_velocity_t_km_s double precision NOT NULL,
    relative_velocity_n_km_s double precision NOT NULL,
    approach_angle_deg double precision NOT NULL,
    age_1_days double precision NOT NULL,
    age_2_days double precision NOT NULL,
    epoch_1_utc timestamptz NOT NULL,
    epoch_2_utc timestamptz NOT NULL,
    start_utc timestamptz NOT NULL,
    end_utc timestamptz NOT NULL,
    n_minima bigint NOT NULL,
    element_set_id_1 bigint NOT NULL,
    element_set_id_2 bigint NOT NULL,
    log_id bigint NOT NULL,
    event_class text NOT NULL,
    flags text NOT NULL,
    CHECK (norad_id_1 < norad_id_2)
) PARTITION BY RANGE (epoch_day);
CREATE INDEX refined_event_slice ON screening.refined_event (epoch_day, lead_day);
CREATE INDEX refined_event_of_object_1 ON screening.refined_event (norad_id_1, tca_utc);
CREATE INDEX refined_event_of_object_2 ON screening.refined_event (norad_id_2, tca_utc);
CREATE INDEX refined_event_miss ON screening.refined_event (epoch_day, miss_distance_km);

CREATE TABLE screening.slice_claim (
    asset text NOT NULL,
    epoch_day date NOT NULL,
    lead_day smallint NOT NULL,
    token bigint NOT NULL,
    run_id text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (asset, epoch_day, lead_day)
);

CREATE TABLE screening.slice_log (
    log_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asset text NOT NULL,
    epoch_day date NOT NULL,
    lead_day smallint NOT NULL,
    run_id text NOT NULL,
    token bigint NOT NULL,
    code_version text NOT NULL,
    input_versions jsonb NOT NULL,
    row_count bigint NOT NULL,
    byte_count bigint NOT NULL,
    content_hash text NOT NULL,
    metadata jsonb NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expired_at timestamptz
);
CREATE INDEX slice_log_newest ON screening.slice_log (asset, epoch_day, lead_day, log_id DESC);
