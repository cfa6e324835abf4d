-- Where the trail starts since its oldest events were removed: one signed file, written in the
-- transaction that removes them. No row while nothing was removed.

CREATE TABLE trail_start (
    one           BIGINT PRIMARY KEY CHECK (one = 1),
    file          BYTEA NOT NULL
);
-- Which events are older than an instant is asked once a day.
CREATE INDEX events_at ON events (at_ms, id);
