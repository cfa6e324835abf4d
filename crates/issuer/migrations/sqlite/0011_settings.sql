-- What the issuer asks of its keys, for every server and every command on this database. There is no
-- row as long as nothing was set.

CREATE TABLE settings (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    -- One more with every change, from 1 on.
    version       INTEGER NOT NULL,
    -- JSON: see src/settings.rs.
    body          TEXT NOT NULL,
    updated_ms    INTEGER NOT NULL
) STRICT;

-- On which days, counted since 1970, uses of keys of a kind arrived, and from which admin key. A day
-- without a row is one of which nothing is known.
CREATE TABLE usage_days (
    reporter      TEXT NOT NULL,
    kind          TEXT NOT NULL,
    day           INTEGER NOT NULL,
    PRIMARY KEY (reporter, kind, day)
) STRICT;

-- When a suspension of the key was last lifted: from then on it counts as idle, and not from before.
ALTER TABLE api_keys ADD COLUMN resumed_ms INTEGER;

-- The version of the settings against which the key was held when it was made; below zero for keys
-- of before, which were held against none. A program of before names none, and makes no key here.
ALTER TABLE api_keys ADD COLUMN settings_version INTEGER NOT NULL DEFAULT -1;
CREATE TRIGGER api_keys_held_against AFTER INSERT ON api_keys WHEN NEW.settings_version < 0
BEGIN
    SELECT RAISE(ABORT, 'the key was held against no settings');
END;
