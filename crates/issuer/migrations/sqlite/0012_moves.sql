-- There is a row while this database is one end of a move to PostgreSQL, and after it. From then on
-- nothing is written at the source; the target is nobody's until it is done.
CREATE TABLE moves (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    -- The same at both ends.
    id            TEXT NOT NULL,
    part          TEXT NOT NULL CHECK (part IN ('source', 'target')),
    issuer        TEXT NOT NULL,
    -- The target's server and database, without user and password.
    place         TEXT NOT NULL,
    begun_ms      INTEGER NOT NULL,
    done_ms       INTEGER
) STRICT;
