-- Of which people who were removed the EC2 credentials at Keystone are still to be deleted; a row goes when that is done.
CREATE TABLE left_over (
    number        INTEGER PRIMARY KEY,
    issuer        TEXT NOT NULL,
    sub           TEXT NOT NULL,
    keystone_user TEXT NOT NULL,     -- '': still to be found by sub
    project       TEXT NOT NULL,
    username      TEXT NOT NULL,
    survey        TEXT NOT NULL,
    reason        TEXT NOT NULL,     -- of the removal
    since         INTEGER NOT NULL,  -- when they were removed
    UNIQUE (issuer, sub, keystone_user, project)
) STRICT;

-- When it was deleted at Keystone, from which the store's session tokens that were made from it are counted.
ALTER TABLE lease ADD COLUMN ec2_gone_at INTEGER;
