-- The issuer's database. No secret token and no hash of one is ever stored in it.
-- Columns named *_ms are milliseconds since 1970, the columns of tokens (issued_at, ...) are seconds.

CREATE TABLE issuer (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    id          TEXT NOT NULL,
    created_ms  INTEGER NOT NULL
) STRICT;

CREATE TABLE keyrings (
    version     INTEGER PRIMARY KEY,
    document    BLOB NOT NULL,
    created_ms  INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    serial      INTEGER NOT NULL UNIQUE,
    kid         INTEGER NOT NULL,
    nonce       INTEGER NOT NULL,
    purpose     TEXT NOT NULL CHECK (purpose IN ('token', 'admin')),
    kind        TEXT NOT NULL CHECK (kind IN ('secret', 'publishable')),
    environment TEXT NOT NULL CHECK (environment IN ('live', 'test')),
    label       TEXT NOT NULL,
    title       TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 255),
    owner       INTEGER NOT NULL,
    policy      INTEGER NOT NULL,
    redacted    TEXT NOT NULL,
    token       TEXT CHECK (token IS NULL OR kind = 'publishable'),
    issued_at   INTEGER NOT NULL,
    expires_at  INTEGER CHECK (expires_at > issued_at),
    revoked_at  INTEGER,
    revoked_by  TEXT,
    created_by  TEXT,
    rolled_from TEXT REFERENCES api_keys (id),
    created_ms  INTEGER NOT NULL,
    updated_ms  INTEGER NOT NULL
) STRICT;

CREATE INDEX api_keys_revoked ON api_keys (revoked_at, serial) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_keys_revoked_serial ON api_keys (serial) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_keys_revoked_expiry ON api_keys (expires_at)
    WHERE revoked_at IS NOT NULL AND expires_at IS NOT NULL;

-- The outbox: each change and its event are written in one transaction.
CREATE TABLE events (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms       INTEGER NOT NULL,
    type        TEXT NOT NULL,
    key_id      TEXT REFERENCES api_keys (id),
    data        TEXT NOT NULL
) STRICT;

-- Shards of serials. One without a body has not gone out in a head yet: no serial of it is used.
CREATE TABLE shards (
    shard       INTEGER PRIMARY KEY,
    capacity    INTEGER NOT NULL,
    issued      INTEGER NOT NULL DEFAULT 0,
    body        BLOB REFERENCES bodies (digest),
    len         INTEGER NOT NULL DEFAULT 0,
    revoked     INTEGER NOT NULL DEFAULT 0,
    suspended   INTEGER NOT NULL DEFAULT 0,
    timed       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE bodies (
    digest      BLOB PRIMARY KEY,
    body        BLOB NOT NULL,
    left_ms     INTEGER
) STRICT;

CREATE TABLE lists (
    epoch       INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    digest      BLOB NOT NULL UNIQUE,
    head        BLOB NOT NULL,
    bodies      BLOB NOT NULL,
    this_update INTEGER NOT NULL,
    PRIMARY KEY (epoch, number)
) STRICT;

-- What is committed before it is signed: never goes back.
CREATE TABLE promise (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    epoch       INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    digest      BLOB NOT NULL,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    position    INTEGER NOT NULL
) STRICT;

-- What has been signed, read back with the verifying half, and is served.
CREATE TABLE published (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    stamp       BLOB NOT NULL,
    digest      BLOB NOT NULL REFERENCES lists (digest),
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    position    INTEGER NOT NULL
) STRICT;
