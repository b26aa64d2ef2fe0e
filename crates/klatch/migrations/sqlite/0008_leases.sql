-- Subscriptions that last only while their receiver renews them; null lasts until it is removed.
ALTER TABLE subscriptions ADD COLUMN lease_until INTEGER;
CREATE INDEX subscriptions_by_lease ON subscriptions (lease_until)
    WHERE removed_at IS NULL AND lease_until IS NOT NULL;
