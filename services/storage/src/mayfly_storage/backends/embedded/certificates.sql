-- Version 3: certificates of sweeps. No personal data is in them.
CREATE TABLE certificates (
  sequence        INTEGER PRIMARY KEY,
  body            BLOB NOT NULL,
  previous_sha256 BLOB NOT NULL,
  request_id      TEXT NOT NULL,
  create_time     INTEGER NOT NULL
) STRICT;

PRAGMA user_version = 3;
