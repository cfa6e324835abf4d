-- Who did it: the principal, beside whom they named. Until now an event had only what the caller
-- wrote, so that is what the old column is. An event without a principal is one of before, and its
-- digest is as it was. The old column's name is gone, so that a program of before that still runs
-- fails, and does not write what would break the chain.

ALTER TABLE events RENAME COLUMN actor TO on_behalf_of;
ALTER TABLE events ADD COLUMN principal TEXT;
CREATE INDEX events_principal ON events (principal, id) WHERE principal IS NOT NULL;

-- The principal that made a key; null for keys of before.
ALTER TABLE api_keys ADD COLUMN maker TEXT;
CREATE INDEX api_keys_maker ON api_keys (maker) WHERE maker IS NOT NULL;
-- Whether an admin key is left is asked before each revocation.
CREATE INDEX api_keys_admins ON api_keys (seq) WHERE purpose = 'admin';

-- What is still to be done to a database of before, once, by the program that opens it.
CREATE TABLE upkeep (
    task          TEXT PRIMARY KEY
);
-- The secrets of webhooks lay here as they are: they are sealed, and what is left of them wiped.
ALTER TABLE webhooks RENAME COLUMN secret TO sealed;
ALTER TABLE webhooks RENAME COLUMN old_secret TO old_sealed;
INSERT INTO upkeep (task) SELECT 'seal' WHERE EXISTS (SELECT 1 FROM webhooks);
