-- By whom an event was brought about: a word, for some kinds with an id behind a colon. Null where it
-- is not known, as for all events from before this step. Not to be confused with the column actor,
-- which names the person of whom the members of the group see a notice.
ALTER TABLE events ADD COLUMN acted_by TEXT;
