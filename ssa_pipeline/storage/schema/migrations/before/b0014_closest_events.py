"""Events say where they happen, and the closest of five million are found at once.

Indexes are made first, since they hold up writers only; the columns hold up readers for a moment. A partition made
later gets both. What the two indexes did that are dropped, those of a pair and of a version do as well. Five million
events take a minute or two."""

from __future__ import annotations

from alembic import op

revision = "b0014"
down_revision = "b0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        SET LOCAL lock_timeout = '10s';
        CREATE INDEX refined_event_closest ON screening.refined_event (miss_distance_km);
        CREATE INDEX refined_event_closest_crossing ON screening.refined_event (miss_distance_km)
            WHERE event_class = 'crossing';
        CREATE INDEX refined_event_persistent
            ON screening.refined_event (epoch_day, norad_id_1, norad_id_2, start_utc) WHERE event_class = 'persistent';
        CREATE INDEX refined_event_of_version ON screening.refined_event (log_id, miss_distance_km)
            INCLUDE (norad_id_1, norad_id_2, tca_utc);
        CREATE INDEX refined_event_of_pair ON screening.refined_event (norad_id_1, norad_id_2, epoch_day, tca_utc);
        DROP INDEX screening.refined_event_of_object_1;
        DROP INDEX screening.refined_event_miss;
        ALTER TABLE screening.refined_event
            ADD COLUMN altitude_km double precision,
            ADD COLUMN latitude_deg double precision,
            ADD COLUMN longitude_deg double precision;
        """
    )
