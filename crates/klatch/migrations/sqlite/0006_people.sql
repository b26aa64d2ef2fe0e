-- People: ids that cannot be found by trying, and one row for each person.

-- Makes the user ids of the account's people. Ids made without it stay valid where groups hold them.
ALTER TABLE accounts ADD COLUMN person_key BLOB NOT NULL DEFAULT x'';
UPDATE accounts SET person_key = randomblob(32);

-- One person stands under one spelling of the phone number, the one that WhatsApp keeps. The
-- program gives us `kept_spelling`.
CREATE TEMP TABLE respelled AS
    SELECT person, kept_spelling(person) AS kept, group_seq, standing, since
    FROM standings WHERE person <> kept_spelling(person);
DELETE FROM standings WHERE (person, group_seq) IN (SELECT person, group_seq FROM respelled);
-- Of two standings in one group the stronger one stays: participant before removed before
-- requested, which is also the order of the words.
INSERT INTO standings (person, group_seq, standing, since)
    SELECT kept, group_seq, standing, since FROM respelled WHERE true
    ON CONFLICT (person, group_seq) DO UPDATE
        SET standing = excluded.standing, since = excluded.since
        WHERE excluded.standing < standings.standing;
DROP TABLE respelled;

-- Of two profiles the one under the kept spelling stays.
UPDATE OR IGNORE people SET wa_id = kept_spelling(wa_id) WHERE wa_id <> kept_spelling(wa_id);
DELETE FROM people WHERE wa_id <> kept_spelling(wa_id);
