-- Times are milliseconds since 1970-01-01 UTC unless the name says otherwise.

-- Tenants, their numbers, and the keys that open them.
CREATE TABLE accounts (
    seq        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE numbers (
    seq                INTEGER PRIMARY KEY,
    id                 TEXT    NOT NULL UNIQUE,
    account_id         TEXT    NOT NULL REFERENCES accounts (id),
    display_number     TEXT    NOT NULL UNIQUE,
    waba_id            TEXT    NOT NULL,
    bot_id             TEXT    NOT NULL UNIQUE,
    participants_limit INTEGER NOT NULL,
    groups_limit       INTEGER NOT NULL,
    created_at         INTEGER NOT NULL
) STRICT;
CREATE INDEX numbers_by_account ON numbers (account_id, seq);

-- Apart from `numbers`, because it changes with every group: how many groups exist, and the
-- latest second that was used as an alias.
CREATE TABLE number_usage (
    number_id  TEXT    NOT NULL PRIMARY KEY REFERENCES numbers (id),
    groups     INTEGER NOT NULL,
    last_alias INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    seq        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    number_id  TEXT    REFERENCES numbers (id),
    sha256     BLOB    NOT NULL UNIQUE,
    hint       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX keys_by_account ON keys (account_id, seq);

-- A group as it is now. What is searched or listed by has a column; the rest is in `state`.
CREATE TABLE groups (
    seq          INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    account_id   TEXT    NOT NULL,
    number_id    TEXT    NOT NULL,
    alias_second INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    status       TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    invite_code  TEXT,
    state        TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX groups_by_invite ON groups (invite_code) WHERE invite_code IS NOT NULL;
-- Lists of groups, newest first; and no two live groups of a number share an alias.
CREATE UNIQUE INDEX groups_by_number ON groups (number_id, alias_second)
    WHERE status IN ('active', 'suspended');

-- How it came to be so. Append-only; `version` counts from 1 in each group.
CREATE TABLE events (
    seq        INTEGER PRIMARY KEY,
    group_seq  INTEGER NOT NULL REFERENCES groups (seq),
    version    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    request_id TEXT    NOT NULL,
    event      TEXT    NOT NULL,
    UNIQUE (group_seq, version)
) STRICT;

-- The same standings that `state` tells of, turned round: from the person to the groups.
CREATE TABLE standings (
    person    TEXT    NOT NULL,
    group_seq INTEGER NOT NULL REFERENCES groups (seq),
    standing  TEXT    NOT NULL,
    since     INTEGER NOT NULL,
    PRIMARY KEY (person, group_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE pictures (
    group_seq INTEGER PRIMARY KEY REFERENCES groups (seq),
    mime_type TEXT NOT NULL,
    bytes     BLOB NOT NULL
) STRICT;

-- Calls made with an Idempotency-Key, so that a repetition gets the first answer.
CREATE TABLE receipts (
    scope       TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    group_id    TEXT    NOT NULL,
    request_id  TEXT    NOT NULL,
    version     INTEGER,
    refused     TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_by_age ON receipts (created_at);

-- Written by the readiness probe: a disk that takes this takes a commit.
CREATE TABLE probe (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    written INTEGER NOT NULL
) STRICT;
INSERT INTO probe (id, written) VALUES (1, 0);
