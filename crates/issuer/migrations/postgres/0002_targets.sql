-- Where the list is put out, who puts it out, and what is known of the policies' files.

CREATE TABLE targets (
    name          TEXT PRIMARY KEY,
    kind          TEXT NOT NULL,
    -- What the target carries, as it was read back.
    epoch         BIGINT,
    number        BIGINT,
    this_update   BIGINT,
    done_ms       BIGINT,
    -- Why the last attempt failed, since when they have, and how many have in a row.
    error         TEXT,
    failed_ms     BIGINT,
    failures      BIGINT NOT NULL,
    -- No publisher has had it among its targets since then.
    seen_ms       BIGINT NOT NULL
);

-- Who renews the stamp and serves the targets, among many issuers. Not what fences them: that is
-- the promise.
CREATE TABLE publisher (
    one           BIGINT PRIMARY KEY CHECK (one = 1),
    holder        TEXT NOT NULL,
    until_ms      BIGINT NOT NULL
);

-- The directories of policies that the newest head names.
CREATE TABLE policy_directories (
    visibility    TEXT PRIMARY KEY CHECK (visibility IN ('public', 'private')),
    digest        BYTEA NOT NULL,
    len           BIGINT NOT NULL
);

-- There is a row while the database is taken for a backup that was restored.
CREATE TABLE restored (
    one           BIGINT PRIMARY KEY CHECK (one = 1),
    witness       TEXT NOT NULL,
    this_update   BIGINT NOT NULL,
    found_ms      BIGINT NOT NULL
);
