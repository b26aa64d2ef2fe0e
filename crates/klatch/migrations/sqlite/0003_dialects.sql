-- What Meta's and Sinch's calls need.

-- How many changes to its groups a number may ask for in a minute; null is no limit.
ALTER TABLE numbers ADD COLUMN operations_limit INTEGER;
-- `eligible`, `not_eligible`, or `creation_disabled`.
ALTER TABLE numbers ADD COLUMN eligibility TEXT NOT NULL DEFAULT 'eligible';

-- The app of a tenant, as Meta has it: its id, and the secret that signs what its receivers get.
ALTER TABLE accounts ADD COLUMN app_id TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN app_secret TEXT NOT NULL DEFAULT '';
UPDATE accounts SET app_id = CAST(100000000000000 + abs(random() % 900000000000000) AS TEXT),
                    app_secret = lower(hex(randomblob(16)));
CREATE UNIQUE INDEX accounts_by_app ON accounts (app_id);

-- The WhatsApp Business Accounts whose events the app's own receiver is told of.
CREATE TABLE subscribed_wabas (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    waba_id    TEXT NOT NULL,
    PRIMARY KEY (account_id, waba_id)
) STRICT, WITHOUT ROWID;

-- What is special about a simulated person; who is not here is like everybody else.
CREATE TABLE people (
    wa_id          TEXT    NOT NULL PRIMARY KEY,
    username       TEXT    UNIQUE,
    hides_phone    INTEGER NOT NULL,
    enrolled       INTEGER NOT NULL,
    terms_accepted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened to a number's groups, read by time.
CREATE INDEX events_by_time ON events (number_seq, at, seq) WHERE group_seq IS NOT NULL;

-- Groups by their alias, ended ones included: a call about one can be repeated after its end.
CREATE INDEX groups_by_alias ON groups (number_id, alias_second);
