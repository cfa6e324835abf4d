-- The same facts as IETF Token Status Lists, where the issuer publishes those: one for each shard.

CREATE TABLE status_lists (
    shard         INTEGER PRIMARY KEY,
    -- What the statuses were made from, and what was signed around them: neither is made again
    -- while it would come out the same.
    facts         BLOB NOT NULL,
    frame         BLOB NOT NULL,
    bits          INTEGER NOT NULL,
    -- The statuses, compressed.
    list          BLOB NOT NULL,
    token         TEXT NOT NULL,
    kid           INTEGER NOT NULL,
    -- The this update of the list that it tells of: never goes back.
    made_ms       INTEGER NOT NULL,
    expires_ms    INTEGER NOT NULL
) STRICT;

-- Until when tokens that a signer made are in force, those that were replaced included.
CREATE TABLE status_signers (
    kid           INTEGER PRIMARY KEY,
    until_ms      INTEGER NOT NULL
) STRICT;
