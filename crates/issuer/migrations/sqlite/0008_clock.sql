-- What two clocks of one machine said when the list was last published: that of the day, and the one
-- that counts since the machine was started and that nobody can set. A later look at both tells
-- whether the former has jumped.

CREATE TABLE clock (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    -- The start of the machine that the second clock counts from.
    boot          TEXT NOT NULL,
    steady_ms     INTEGER NOT NULL,
    wall_ms       INTEGER NOT NULL
) STRICT;
