-- The issuer's database. No secret token and no hash of one is ever stored in it.
-- Columns named *_ms are milliseconds since 1970, the columns of tokens (issued_at, ...) are seconds.
-- The same tables stand in ../postgres in that database's words.

CREATE TABLE issuer (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    id            TEXT NOT NULL,
    created_ms    INTEGER NOT NULL
) STRICT;

CREATE TABLE keyrings (
    version       INTEGER PRIMARY KEY,
    document      BLOB NOT NULL,
    created_ms    INTEGER NOT NULL
) STRICT;

-- Owner and policy numbers are drawn at random and never used twice: what is deleted keeps its row.
CREATE TABLE owners (
    number        INTEGER PRIMARY KEY,
    name          TEXT NOT NULL,
    external_id   TEXT UNIQUE,
    metadata      TEXT NOT NULL,
    deleted_ms    INTEGER,
    created_ms    INTEGER NOT NULL,
    updated_ms    INTEGER NOT NULL
) STRICT;

CREATE TABLE policies (
    number        INTEGER PRIMARY KEY,
    visibility    TEXT NOT NULL CHECK (visibility IN ('public', 'private')),
    name          TEXT NOT NULL,
    draft         TEXT NOT NULL,
    -- A publishable key's own policy, which goes with it; null for one that people made.
    key_id        TEXT UNIQUE,
    deleted_ms    INTEGER,
    created_ms    INTEGER NOT NULL,
    updated_ms    INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT NOT NULL UNIQUE,
    serial        INTEGER NOT NULL UNIQUE,
    kid           INTEGER NOT NULL,
    nonce         INTEGER NOT NULL,
    purpose       TEXT NOT NULL CHECK (purpose IN ('token', 'admin')),
    kind          TEXT NOT NULL CHECK (kind IN ('secret', 'publishable')),
    environment   TEXT NOT NULL CHECK (environment IN ('live', 'test')),
    label         TEXT NOT NULL,
    title         TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 255),
    -- The title in lower case, by which titles are searched and ordered.
    folded        TEXT NOT NULL,
    metadata      TEXT NOT NULL,
    -- What an admin key may do, separated by blanks; empty for others.
    admin_scopes  TEXT NOT NULL,
    owner         INTEGER NOT NULL,
    policy        INTEGER NOT NULL,
    redacted      TEXT NOT NULL,
    token         TEXT UNIQUE CHECK (token IS NULL OR kind = 'publishable'),
    issued_at     INTEGER NOT NULL,
    expires_at    INTEGER CHECK (expires_at > issued_at),
    revoked_at    INTEGER,
    revoked_by    TEXT,
    suspended_ms  INTEGER,
    suspended_by  TEXT,
    created_by    TEXT,
    rolled_from   TEXT,
    -- Since then the record is only what the list needs.
    deleted_ms    INTEGER,
    created_ms    INTEGER NOT NULL,
    updated_ms    INTEGER NOT NULL
) STRICT;

CREATE INDEX api_keys_redacted ON api_keys (redacted);
CREATE INDEX api_keys_folded ON api_keys (folded, seq);
CREATE INDEX api_keys_updated ON api_keys (updated_ms, seq);
CREATE INDEX api_keys_owner ON api_keys (owner, seq) WHERE owner <> 0;
CREATE INDEX api_keys_policy ON api_keys (policy) WHERE policy <> 0;
CREATE INDEX api_keys_revoked ON api_keys (revoked_at, serial) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_keys_revoked_serial ON api_keys (serial) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_keys_revoked_expiry ON api_keys (expires_at)
    WHERE revoked_at IS NOT NULL AND expires_at IS NOT NULL;
CREATE INDEX api_keys_suspended ON api_keys (serial) WHERE suspended_ms IS NOT NULL;
CREATE INDEX api_keys_expiry ON api_keys (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE sales_channels (
    key_id        TEXT NOT NULL REFERENCES api_keys (id),
    channel       TEXT NOT NULL,
    PRIMARY KEY (key_id, channel)
) STRICT;
CREATE INDEX sales_channels_channel ON sales_channels (channel);

-- What a create answered under an idempotency key; the tokens are signed again from the records.
CREATE TABLE idempotency (
    scope         TEXT NOT NULL,
    name          TEXT NOT NULL,
    request       BLOB NOT NULL,
    key_ids       TEXT NOT NULL,
    expires_ms    INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT;
CREATE INDEX idempotency_expiry ON idempotency (expires_ms);

-- What was imported from elsewhere, so that an import that is run again goes on where it ended.
CREATE TABLE imports (
    external_id   TEXT PRIMARY KEY NOT NULL,
    key_id        TEXT NOT NULL REFERENCES api_keys (id)
) STRICT;
CREATE INDEX imports_key ON imports (key_id);

-- The outbox and the audit trail: each change and its event are written in one transaction, and
-- each event's digest covers the one before.
CREATE TABLE events (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms         INTEGER NOT NULL,
    type          TEXT NOT NULL,
    key_id        TEXT,
    actor         TEXT,
    data          TEXT NOT NULL,
    digest        BLOB NOT NULL
) STRICT;
CREATE INDEX events_key ON events (key_id, id);

-- Shards of serials. One without a body has not gone out in a head yet: no serial of it is used.
CREATE TABLE shards (
    shard         INTEGER PRIMARY KEY,
    capacity      INTEGER NOT NULL,
    issued        INTEGER NOT NULL,
    -- No more serials are taken from it, however many are left.
    closed_ms     INTEGER,
    -- When the first stamp that covers it was promised.
    covered_ms    INTEGER,
    -- When every stamp that lacks it has run out, wherever it is held: from then on it is used.
    usable_ms     INTEGER,
    body          BLOB,
    len           INTEGER NOT NULL,
    revoked       INTEGER NOT NULL,
    suspended     INTEGER NOT NULL,
    timed         INTEGER NOT NULL
) STRICT;

CREATE TABLE bodies (
    digest        BLOB PRIMARY KEY,
    body          BLOB NOT NULL,
    left_ms       INTEGER
) STRICT;

-- Bodies and directories of policies, by name.
CREATE TABLE policy_files (
    digest        BLOB PRIMARY KEY,
    visibility    TEXT NOT NULL,
    file          BLOB NOT NULL,
    left_ms       INTEGER
) STRICT;

-- Revocations and suspensions of many keys at once.
CREATE TABLE wide_entries (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    scope         TEXT NOT NULL CHECK (scope IN ('owner', 'kid', 'environment', 'serials')),
    state         TEXT NOT NULL CHECK (state IN ('revoked', 'suspended')),
    first         INTEGER NOT NULL,
    last          INTEGER NOT NULL,
    issued_from   INTEGER NOT NULL,
    issued_before INTEGER,
    made_by       TEXT,
    created_ms    INTEGER NOT NULL,
    lifted_ms     INTEGER
) STRICT;

CREATE TABLE lists (
    epoch         INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    digest        BLOB NOT NULL UNIQUE,
    head          BLOB NOT NULL,
    bodies        BLOB NOT NULL,
    this_update   INTEGER NOT NULL,
    PRIMARY KEY (epoch, number)
) STRICT;

-- What is committed before it is signed: never goes back.
CREATE TABLE promise (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    epoch         INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    digest        BLOB NOT NULL,
    this_update   INTEGER NOT NULL,
    next_update   INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    -- The latest next update that was ever promised.
    latest_ms     INTEGER NOT NULL
) STRICT;

-- What has been signed, read back with the verifying half, and is served.
CREATE TABLE published (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    stamp         BLOB NOT NULL,
    digest        BLOB NOT NULL REFERENCES lists (digest),
    this_update   INTEGER NOT NULL,
    next_update   INTEGER NOT NULL,
    position      INTEGER NOT NULL
) STRICT;
