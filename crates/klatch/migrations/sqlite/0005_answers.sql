-- `published`: answers have the fields that the vendor publishes, and no others. `superset`: they have
-- Klatch's own besides.
ALTER TABLE numbers ADD COLUMN answers TEXT NOT NULL DEFAULT 'published';

-- A repeated call gets the answer of the first one, whatever its number is set to by then. Calls that
-- were made before this step were answered with the superset.
ALTER TABLE receipts ADD COLUMN answers TEXT NOT NULL DEFAULT 'superset';
