-- The catalog, version 4: who alone may delete at a key that its caller chose, and until when.

ALTER TABLE audio ADD COLUMN lease TEXT;
ALTER TABLE audio ADD COLUMN lease_end INTEGER;

PRAGMA user_version = 4;
