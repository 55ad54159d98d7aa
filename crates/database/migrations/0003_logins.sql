-- Where the IAM has no SCIM, memberships are asked for with the person's own refresh token.
CREATE TABLE login (
    issuer TEXT NOT NULL,
    sub    TEXT NOT NULL,
    sealed BLOB NOT NULL,            -- the refresh token, sealed with the key ring, bound to issuer and sub
    kept   INTEGER NOT NULL,
    PRIMARY KEY (issuer, sub)
) STRICT;
