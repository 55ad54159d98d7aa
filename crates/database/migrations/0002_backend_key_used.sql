-- When the backend user's EC2 credential was last asked for, to the hour; unused ones are deleted.
ALTER TABLE backend_key ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
UPDATE backend_key SET used = created;
