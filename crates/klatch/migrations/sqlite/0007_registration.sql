-- What Graph's calls about numbers, WABAs and apps need.

-- Whether the number is registered with the vendor's API, and its two-step verification PIN.
ALTER TABLE numbers ADD COLUMN registered INTEGER NOT NULL DEFAULT 1;
ALTER TABLE numbers ADD COLUMN pin TEXT;
-- Whether an override of the callback URL is taken although the app is not subscribed to the WABA.
ALTER TABLE numbers ADD COLUMN unsubscribed_overrides INTEGER NOT NULL DEFAULT 0;

-- JSON: pairs of name and version, the webhook fields that a vendor's configuration asks for.
ALTER TABLE subscriptions ADD COLUMN fields TEXT NOT NULL DEFAULT '[]';
