-- Whether the key is a canary: accepted nowhere, in no list, and its use is an alarm. A program of
-- before makes none, and takes those that there are for keys of the purpose `token`.
ALTER TABLE api_keys ADD COLUMN canary BIGINT NOT NULL DEFAULT 0
    CHECK (canary = 0 OR (canary = 1 AND purpose = 'token' AND kind = 'secret'));
