-- How many keys are in each state, kept with every change, so that nobody has to count them.
-- The states are those of one instant, and without the entries that are wider than a key: what
-- time and those entries have changed since is counted when somebody asks.

CREATE TABLE key_counts (
    state         TEXT PRIMARY KEY NOT NULL,
    many          INTEGER NOT NULL
) STRICT;
-- The instant, in seconds.
CREATE TABLE key_counts_as_of (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    as_of         INTEGER NOT NULL
) STRICT;
INSERT INTO key_counts_as_of VALUES (1, CAST(strftime('%s', 'now') AS INTEGER));
INSERT INTO key_counts VALUES
    ('active', 0), ('scheduled', 0), ('suspended', 0), ('revoked', 0), ('expired', 0);
UPDATE key_counts SET many = (
    SELECT COUNT(*) FROM api_keys, key_counts_as_of
    WHERE deleted_ms IS NULL AND key_counts.state = CASE
        WHEN revoked_at <= as_of THEN 'revoked'
        WHEN expires_at <= as_of THEN 'expired'
        WHEN suspended_ms IS NOT NULL THEN 'suspended'
        WHEN revoked_at IS NOT NULL THEN 'scheduled'
        ELSE 'active'
    END
);

CREATE TRIGGER key_counts_added AFTER INSERT ON api_keys WHEN NEW.deleted_ms IS NULL
BEGIN
    UPDATE key_counts SET many = many + 1 WHERE state = (
        SELECT CASE
            WHEN NEW.revoked_at <= as_of THEN 'revoked'
            WHEN NEW.expires_at <= as_of THEN 'expired'
            WHEN NEW.suspended_ms IS NOT NULL THEN 'suspended'
            WHEN NEW.revoked_at IS NOT NULL THEN 'scheduled'
            ELSE 'active'
        END FROM key_counts_as_of
    );
END;

CREATE TRIGGER key_counts_removed AFTER DELETE ON api_keys WHEN OLD.deleted_ms IS NULL
BEGIN
    UPDATE key_counts SET many = many - 1 WHERE state = (
        SELECT CASE
            WHEN OLD.revoked_at <= as_of THEN 'revoked'
            WHEN OLD.expires_at <= as_of THEN 'expired'
            WHEN OLD.suspended_ms IS NOT NULL THEN 'suspended'
            WHEN OLD.revoked_at IS NOT NULL THEN 'scheduled'
            ELSE 'active'
        END FROM key_counts_as_of
    );
END;

CREATE TRIGGER key_counts_changed
AFTER UPDATE OF revoked_at, expires_at, suspended_ms, deleted_ms ON api_keys
BEGIN
    UPDATE key_counts SET many = many - 1 WHERE OLD.deleted_ms IS NULL AND state = (
        SELECT CASE
            WHEN OLD.revoked_at <= as_of THEN 'revoked'
            WHEN OLD.expires_at <= as_of THEN 'expired'
            WHEN OLD.suspended_ms IS NOT NULL THEN 'suspended'
            WHEN OLD.revoked_at IS NOT NULL THEN 'scheduled'
            ELSE 'active'
        END FROM key_counts_as_of
    );
    UPDATE key_counts SET many = many + 1 WHERE NEW.deleted_ms IS NULL AND state = (
        SELECT CASE
            WHEN NEW.revoked_at <= as_of THEN 'revoked'
            WHEN NEW.expires_at <= as_of THEN 'expired'
            WHEN NEW.suspended_ms IS NOT NULL THEN 'suspended'
            WHEN NEW.revoked_at IS NOT NULL THEN 'scheduled'
            ELSE 'active'
        END FROM key_counts_as_of
    );
END;
