-- The start of the trail once its oldest events have been removed: one signed file, written in the
-- transaction that removes them. There is no row while nothing was removed.

CREATE TABLE trail_start (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    file          BLOB NOT NULL
) STRICT;
-- Retention looks once a day for the newest event that is old enough.
CREATE INDEX events_at ON events (at_ms, id);
