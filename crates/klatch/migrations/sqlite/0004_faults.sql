-- Receivers by what they reach: an account can have many numbers, each with receivers of its own.
CREATE INDEX subscriptions_by_reach ON subscriptions
    (account_id, coalesce(number_id, ''), coalesce(waba_id, ''), seq) WHERE removed_at IS NULL;

-- Numbers by their WhatsApp Business Account.
CREATE INDEX numbers_by_waba ON numbers (account_id, waba_id, seq);

-- Places of a vendor's configuration that hold no receiver now, and that the operator had paused
-- when they last held one. Whoever is put there is paused as well.
CREATE TABLE paused_places (
    dialect    TEXT    NOT NULL,
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    -- Empty where the place is not that of a number, of a WABA, or of a named receiver.
    number_id  TEXT    NOT NULL,
    waba_id    TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    paused_at  INTEGER NOT NULL,
    PRIMARY KEY (account_id, dialect, number_id, waba_id, role, name)
) STRICT, WITHOUT ROWID;
