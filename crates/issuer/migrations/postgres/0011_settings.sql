-- What the issuer asks of its keys, for every server and every command on this database. There is no
-- row as long as nothing was set.

CREATE TABLE settings (
    one           BIGINT PRIMARY KEY CHECK (one = 1),
    -- One more with every change, from 1 on.
    version       BIGINT NOT NULL,
    -- JSON: see src/settings.rs.
    body          TEXT NOT NULL,
    updated_ms    BIGINT NOT NULL
);

-- On which days, counted since 1970, uses of keys of a kind arrived, and from which admin key. A day
-- without a row is one of which nothing is known.
CREATE TABLE usage_days (
    reporter      TEXT NOT NULL,
    kind          TEXT NOT NULL,
    day           BIGINT NOT NULL,
    PRIMARY KEY (reporter, kind, day)
);

-- When a suspension of the key was last lifted: from then on it counts as idle, and not from before.
ALTER TABLE api_keys ADD COLUMN resumed_ms BIGINT;

-- The version of the settings against which the key was held when it was made; below zero for keys
-- of before, which were held against none. A program of before names none, and makes no key here.
ALTER TABLE api_keys ADD COLUMN settings_version BIGINT NOT NULL DEFAULT -1;
ALTER TABLE api_keys ALTER COLUMN settings_version DROP DEFAULT;
