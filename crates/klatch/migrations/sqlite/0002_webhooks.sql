-- The log takes in what happens to subscriptions, and is read by number and by account.
-- Each row is in one stream: that of its number, or, where it has none, that of its account.
ALTER TABLE events RENAME TO events_0001;
CREATE TABLE events (
    seq              INTEGER PRIMARY KEY,
    number_seq       INTEGER REFERENCES numbers (seq),
    account_seq      INTEGER REFERENCES accounts (seq),
    group_seq        INTEGER REFERENCES groups (seq),
    version          INTEGER,
    subscription_seq INTEGER REFERENCES subscriptions (seq),
    at               INTEGER NOT NULL,
    request_id       TEXT,
    event            TEXT    NOT NULL,
    UNIQUE (group_seq, version),
    CHECK ((number_seq IS NULL) <> (account_seq IS NULL)),
    CHECK ((group_seq IS NULL) <> (subscription_seq IS NULL))
) STRICT;

-- Who is told. Removed ones stay, since deliveries point at them.
CREATE TABLE subscriptions (
    seq              INTEGER PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE,
    account_id       TEXT    NOT NULL REFERENCES accounts (id),
    number_id        TEXT    REFERENCES numbers (id),
    waba_id          TEXT,
    dialect          TEXT    NOT NULL,
    -- `added` through our own API; `main` and `extra` hold a place in a vendor's configuration.
    role             TEXT    NOT NULL,
    over_all         INTEGER NOT NULL,
    name             TEXT,
    url              TEXT    NOT NULL,
    -- JSON: a list of topics, or null for all.
    topics           TEXT,
    -- JSON: pairs of name and value.
    headers          TEXT    NOT NULL,
    secret           TEXT    NOT NULL,
    -- Signs as well until that moment.
    old_secret       TEXT,
    old_secret_until INTEGER,
    vendor_signature INTEGER NOT NULL,
    verify_token     TEXT,
    timeout_ms       INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    failing_since    INTEGER,
    paused_at        INTEGER,
    off_at           INTEGER,
    off_reason       TEXT,
    removed_at       INTEGER
) STRICT;
CREATE INDEX subscriptions_by_account ON subscriptions (account_id, seq)
    WHERE removed_at IS NULL;
-- One holder for each place in a vendor's configuration.
CREATE UNIQUE INDEX subscriptions_by_place ON subscriptions
    (dialect, account_id, coalesce(number_id, ''), coalesce(waba_id, ''), role, coalesce(name, ''))
    WHERE removed_at IS NULL AND role <> 'added';

INSERT INTO events (seq, number_seq, group_seq, version, at, request_id, event)
    SELECT old.seq, numbers.seq, old.group_seq, old.version, old.at, old.request_id, old.event
    FROM events_0001 AS old
    JOIN groups ON groups.seq = old.group_seq
    JOIN numbers ON numbers.id = groups.number_id
    ORDER BY old.seq;
DROP TABLE events_0001;
CREATE INDEX events_by_number ON events (number_seq, seq);
CREATE INDEX events_by_account ON events (account_seq, seq) WHERE account_seq IS NOT NULL;
CREATE INDEX events_by_subscription ON events (subscription_seq, seq)
    WHERE subscription_seq IS NOT NULL;

-- A switch of a vendor's own: whether the number's extra receivers are told.
ALTER TABLE numbers ADD COLUMN extra_receivers INTEGER NOT NULL DEFAULT 0;

-- What is sent, as bytes: once for each event and format, however many receivers it goes to.
CREATE TABLE payloads (
    seq             INTEGER PRIMARY KEY,
    topic           TEXT    NOT NULL,
    body            BLOB    NOT NULL,
    -- Deliveries that point here; the last one takes it along.
    deliveries_left INTEGER NOT NULL
) STRICT;

-- One event owed to one subscription. No foreign keys: rows are many, are written with every
-- change, and are swept by the thousand.
CREATE TABLE deliveries (
    -- Never used twice: it is part of the id by which receivers tell duplicates.
    seq              INTEGER PRIMARY KEY AUTOINCREMENT,
    nonce            INTEGER NOT NULL,
    subscription_seq INTEGER NOT NULL,
    group_seq        INTEGER,
    version          INTEGER,
    payload_seq      INTEGER NOT NULL,
    -- held: until the delivery that it follows has gone through; pending: its first attempt is to
    -- come; failing: retried; delivered, dead: settled.
    state            TEXT    NOT NULL,
    attempts         INTEGER NOT NULL,
    -- When somebody may take it: 0 is at once. Null while it waits for an earlier first attempt in
    -- its lane, and once it is settled.
    due_at           INTEGER,
    -- Who has it, and until when. In no index: most deliveries are leased once, and for a moment.
    lease            INTEGER,
    lease_until      INTEGER,
    follows          INTEGER,
    -- Whether others follow it.
    leads            INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    -- Retries are counted, and the horizon is, from the event or from the latest replay.
    owed_since       INTEGER NOT NULL,
    failed           INTEGER NOT NULL,
    settled_at       INTEGER,
    reason           TEXT
) STRICT;
CREATE INDEX deliveries_due ON deliveries (subscription_seq, due_at, seq) WHERE due_at IS NOT NULL;
-- Lanes: what one receiver is yet to be told of one group, in order.
CREATE INDEX deliveries_pending ON deliveries (group_seq, subscription_seq, seq)
    WHERE state = 'pending';
CREATE INDEX deliveries_by_group ON deliveries (group_seq, seq);
CREATE INDEX deliveries_by_subscription ON deliveries (subscription_seq, seq);
CREATE INDEX deliveries_failed ON deliveries (state, seq) WHERE state IN ('failing', 'dead');
CREATE INDEX deliveries_following ON deliveries (follows) WHERE follows IS NOT NULL;

-- Tries, each with what came of it.
CREATE TABLE attempts (
    delivery_seq INTEGER NOT NULL,
    number       INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    millis       INTEGER NOT NULL,
    status       INTEGER,
    problem      TEXT,
    head         TEXT    NOT NULL,
    PRIMARY KEY (delivery_seq, number)
) STRICT, WITHOUT ROWID;
