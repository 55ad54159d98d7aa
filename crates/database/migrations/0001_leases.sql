-- Times are microseconds since 1970, UTC. No secret is stored unsealed.

CREATE TABLE lease (
    id            TEXT PRIMARY KEY,
    issuer        TEXT NOT NULL,
    sub           TEXT NOT NULL,
    username      TEXT NOT NULL,
    survey        TEXT NOT NULL,
    access        TEXT NOT NULL,
    method        TEXT NOT NULL,
    access_key_id TEXT NOT NULL,
    keystone_user TEXT,              -- whose EC2 credential it is or came from, where it is the person's own
    asked         INTEGER,           -- seconds
    decided_by    TEXT NOT NULL,     -- which limit won
    issued        INTEGER NOT NULL,
    expires       INTEGER,           -- NULL: until revoked
    revoked       INTEGER,
    revoked_why   TEXT,
    ec2_gone      INTEGER NOT NULL DEFAULT 0  -- the EC2 credential has been deleted in Keystone
) STRICT;

CREATE INDEX lease_of_subject ON lease (issuer, sub, issued);
CREATE INDEX lease_to_watch ON lease (expires) WHERE revoked IS NULL;
CREATE INDEX lease_to_sweep ON lease (expires) WHERE method = 'ec2' AND ec2_gone = 0;

CREATE TABLE audit (
    number   INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    issuer   TEXT NOT NULL,
    sub      TEXT NOT NULL,
    username TEXT NOT NULL,
    action   TEXT NOT NULL,          -- issue, renew, adopt, give-back, revoke
    outcome  TEXT NOT NULL,          -- yes, no
    reason   TEXT NOT NULL,
    survey   TEXT,
    method   TEXT,
    lease    TEXT
) STRICT;

CREATE TABLE backend_key (
    project  TEXT PRIMARY KEY,
    access   TEXT NOT NULL,
    user_id  TEXT NOT NULL,
    sealed   BLOB NOT NULL,          -- the secret, sealed with the key ring, bound to project and access
    created  INTEGER NOT NULL
) STRICT;
