-- A body is made of the keys of its shard that something is said of. By their serials alone the
-- databases would rather look through all keys of the shard.

DROP INDEX api_keys_revoked_serial;
DROP INDEX api_keys_suspended;
CREATE INDEX api_keys_revoked_shard ON api_keys ((serial / 1048576), serial)
    WHERE revoked_at IS NOT NULL;
CREATE INDEX api_keys_suspended_shard ON api_keys ((serial / 1048576), serial)
    WHERE suspended_ms IS NOT NULL;
