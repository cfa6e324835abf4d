-- The same facts as IETF Token Status Lists, where the issuer publishes those: one for each shard.

CREATE TABLE status_lists (
    shard         BIGINT PRIMARY KEY,
    -- What the statuses were made from, and what was signed around them: neither is made again
    -- while it would come out the same.
    facts         BYTEA NOT NULL,
    frame         BYTEA NOT NULL,
    bits          BIGINT NOT NULL,
    -- The statuses, compressed.
    list          BYTEA NOT NULL,
    token         TEXT NOT NULL,
    kid           BIGINT NOT NULL,
    -- The this update of the list that it tells of: never goes back.
    made_ms       BIGINT NOT NULL,
    expires_ms    BIGINT NOT NULL
);

-- Until when tokens that a signer made are in force, those that were replaced included.
CREATE TABLE status_signers (
    kid           BIGINT PRIMARY KEY,
    until_ms      BIGINT NOT NULL
);
