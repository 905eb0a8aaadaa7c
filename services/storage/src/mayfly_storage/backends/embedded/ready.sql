-- The catalog, version 6: listings are led past what is deleted and not yet swept, and old certificates are found.

-- As many entries are written as before: one when an audio is READY, and its end with the audio, not with the row.
DROP INDEX audio_by_collection;
DROP INDEX audio_by_session;
CREATE INDEX audio_ready_by_collection ON audio (collection, date, audio_id) WHERE state = 'READY';
CREATE INDEX audio_ready_by_session ON audio (session_id, date, audio_id) WHERE state = 'READY' AND session_id <> '';

-- The time stands behind the body, which is long: without an index each append reads all of them.
CREATE INDEX certificates_by_create_time ON certificates (create_time);

PRAGMA user_version = 6;
