-- What is searched by person, what is swept, and what the clock is compared with.

-- Who acted, of an event of which the members of the group see a notice: a person by phone number,
-- or by user id where the number is hidden; empty for the business. Null for all other events.
ALTER TABLE events ADD COLUMN actor TEXT;
UPDATE events
SET actor = CASE
    WHEN json_extract(event, '$.kind') IN ('participant_joined', 'participant_left')
        THEN iif(coalesce(json_extract(event, '$.person.hides_phone'), 0)
                     OR json_extract(event, '$.person.wa_id') IS NULL,
                 json_extract(event, '$.person.user_id'),
                 kept_spelling(json_extract(event, '$.person.wa_id')))
    WHEN json_extract(event, '$.kind') = 'invite_reset'
        THEN iif(coalesce(json_extract(event, '$.first'), 0), NULL, '')
    WHEN json_extract(event, '$.kind') IN
        ('created', 'settings_changed', 'picture_failed', 'invite_deleted',
         'join_requests_approved', 'participants_added', 'participants_removed',
         'admins_promoted', 'admins_demoted', 'deleted', 'business_left')
        THEN ''
    END
WHERE group_seq IS NOT NULL;
-- Notices by time: those of people are few, and are looked for by the person as well.
DROP INDEX events_by_time;
CREATE INDEX events_by_business ON events (number_seq, at, seq) WHERE actor = '';
CREATE INDEX events_by_people ON events (number_seq, at, seq, actor) WHERE actor <> '';
CREATE INDEX events_by_person ON events (number_seq, actor, at, seq) WHERE actor <> '';

-- Subscriptions that were removed, for the sweep.
CREATE INDEX subscriptions_removed ON subscriptions (removed_at) WHERE removed_at IS NOT NULL;

-- The latest time that was believed: what the clock is compared with at the next start.
CREATE TABLE last_seen (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
INSERT INTO last_seen (id, at) SELECT 1, at FROM events ORDER BY seq DESC LIMIT 1;
