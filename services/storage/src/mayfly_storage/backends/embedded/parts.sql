-- The catalog, version 5: which upload in parts was begun for an audio.

ALTER TABLE audio ADD COLUMN upload_id TEXT NOT NULL DEFAULT '';

PRAGMA user_version = 5;
