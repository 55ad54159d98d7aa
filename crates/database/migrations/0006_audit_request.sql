-- The id of the request that the entry answers; NULL: a background round, or an entry from before.
ALTER TABLE audit ADD COLUMN request_id TEXT;
