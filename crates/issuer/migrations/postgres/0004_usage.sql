-- How often gates have let a key pass, and when last, as they report it.

ALTER TABLE api_keys ADD COLUMN uses BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN last_used_at BIGINT;
