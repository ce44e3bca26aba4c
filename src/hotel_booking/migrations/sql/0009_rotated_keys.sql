-- A key that was given a new secret: the row of the new one. Phase: expand (a nullable column; what the release before
-- rotates has none, and is rotated once more as it is there).
ALTER TABLE api_key ADD COLUMN replaced_by int;
