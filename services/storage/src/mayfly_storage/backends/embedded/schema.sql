-- The catalog, version 1. Times and durations are whole microseconds, times since 1970 in UTC.

CREATE TABLE audio (
  date            TEXT NOT NULL,
  audio_id        TEXT NOT NULL,
  collection      TEXT NOT NULL,
  state           TEXT NOT NULL CHECK (state IN ('PENDING', 'READY', 'DELETING')),
  location        TEXT NOT NULL,
  object_key      TEXT NOT NULL,
  content_type    TEXT NOT NULL,
  size_bytes      INTEGER NOT NULL,
  sha256          BLOB NOT NULL,
  attempt         TEXT NOT NULL,
  create_time     INTEGER NOT NULL,
  upload_deadline INTEGER NOT NULL,
  expire_time     INTEGER,
  etag            TEXT,
  delete_time     INTEGER,
  bytes_gone      INTEGER NOT NULL,
  claims_key      INTEGER NOT NULL,
  duration        INTEGER,
  voice           TEXT NOT NULL,
  text            TEXT NOT NULL,
  user_id         TEXT NOT NULL,
  owner           TEXT NOT NULL,
  ip_address      TEXT NOT NULL,
  writer          TEXT NOT NULL,
  key_fields      TEXT NOT NULL, -- JSON
  labels          TEXT NOT NULL, -- JSON
  session_id      TEXT NOT NULL, -- from key_fields, to be found by
  due_time        INTEGER,       -- when the sweeper has to look; NULL: never
  share           INTEGER NOT NULL, -- decides which shard a row falls into
  PRIMARY KEY (date, audio_id)
) STRICT;

-- What is due costs what is due: kept audio is not in it.
CREATE INDEX audio_due ON audio (due_time, date, audio_id) WHERE due_time IS NOT NULL;
CREATE INDEX audio_by_collection ON audio (collection, date, audio_id);
CREATE INDEX audio_by_owner ON audio (owner, date, audio_id) WHERE owner <> '';
CREATE INDEX audio_by_session ON audio (session_id, date, audio_id) WHERE session_id <> '';

-- Who holds a key that a caller chose. It goes with its row.
CREATE TABLE claims (
  object_key TEXT PRIMARY KEY,
  date       TEXT NOT NULL,
  audio_id   TEXT NOT NULL,
  FOREIGN KEY (date, audio_id) REFERENCES audio (date, audio_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_audio ON claims (date, audio_id);

-- Which audio a request_id stands for. It outlives the row.
CREATE TABLE requests (
  caller      TEXT NOT NULL,
  request_id  TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  date        TEXT NOT NULL,
  audio_id    TEXT NOT NULL,
  forget_time INTEGER NOT NULL,
  PRIMARY KEY (caller, request_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_forget_time ON requests (forget_time);

PRAGMA user_version = 1;
