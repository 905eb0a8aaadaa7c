-- Version 2: quotas. Nothing here names a person: counters stand under keyed hashes.

-- What was counted within a window, of each measure.
CREATE TABLE quota_counters (
  counter     TEXT NOT NULL,
  measure     TEXT NOT NULL,
  used        INTEGER NOT NULL,
  forget_time INTEGER NOT NULL, -- the end of the window
  PRIMARY KEY (counter, measure)
) STRICT, WITHOUT ROWID;
CREATE INDEX quota_counters_by_forget_time ON quota_counters (forget_time);

-- What was counted for a request_id, and whether an upload has used it.
CREATE TABLE quota_reservations (
  caller      TEXT NOT NULL,
  request_id  TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  used        INTEGER NOT NULL,
  forget_time INTEGER NOT NULL, -- when it lapses
  PRIMARY KEY (caller, request_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX quota_reservations_by_forget_time ON quota_reservations (forget_time);

PRAGMA user_version = 2;
