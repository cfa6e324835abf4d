-- Who is told of events, what is still to be told, and who runs which job.

CREATE TABLE webhooks (
    id                 TEXT PRIMARY KEY,
    url                TEXT NOT NULL,
    description        TEXT NOT NULL,
    -- Names of event types, separated by blanks; empty for all.
    types              TEXT NOT NULL,
    -- Kept as it is, because each message is signed with it.
    secret             TEXT NOT NULL,
    -- Signs beside it until the overlap of a rotation is over.
    old_secret         TEXT,
    old_until_ms       INTEGER,
    disabled_ms        INTEGER,
    disabled_why       TEXT,
    -- The newest event for which there are deliveries.
    position           INTEGER NOT NULL,
    created_by         TEXT,
    created_ms         INTEGER NOT NULL,
    updated_ms         INTEGER NOT NULL
) STRICT;

CREATE TABLE deliveries (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id         TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event_id           INTEGER NOT NULL,
    state              TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts           INTEGER NOT NULL,
    next_ms            INTEGER NOT NULL,
    status             INTEGER,
    error              TEXT,
    updated_ms         INTEGER NOT NULL,
    UNIQUE (webhook_id, event_id)
) STRICT;
CREATE INDEX deliveries_due ON deliveries (webhook_id, next_ms) WHERE state = 'pending';
CREATE INDEX deliveries_dead ON deliveries (webhook_id, id) WHERE state = 'dead';
CREATE INDEX deliveries_done ON deliveries (updated_ms) WHERE state = 'delivered';

-- One runner of each job at a time: who holds it, and until when if nothing more is heard of them.
CREATE TABLE jobs (
    name               TEXT PRIMARY KEY,
    holder             TEXT,
    until_ms           INTEGER NOT NULL,
    started_ms         INTEGER,
    ended_ms           INTEGER,
    error              TEXT
) STRICT;

-- Each notice of an expiry is given once.
CREATE TABLE expiry_notices (
    key_id             TEXT NOT NULL,
    days               INTEGER NOT NULL,
    at_ms              INTEGER NOT NULL,
    PRIMARY KEY (key_id, days)
) STRICT;
