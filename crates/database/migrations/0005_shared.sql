-- Each revocation and each reinstatement gets the next number, so that other processes can ask what changed since.
ALTER TABLE lease ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX lease_changed ON lease (changed) WHERE changed > 0;

-- Until when a process works on a deletion; NULL: none does.
ALTER TABLE left_over ADD COLUMN claimed_until INTEGER;

-- The last proof of each survey and method.
CREATE TABLE proof (
    survey TEXT NOT NULL,
    method TEXT NOT NULL,
    at     INTEGER NOT NULL,
    result TEXT NOT NULL,            -- read-only, writes, unreadable, unclear
    detail TEXT NOT NULL,            -- the operations that succeeded, one a line; or why
    PRIMARY KEY (survey, method)
) STRICT;
