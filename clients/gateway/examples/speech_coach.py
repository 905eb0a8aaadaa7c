"""System C's rule in an app of its own: a recording's row and its audio are there together, or neither is.

The app's database decides. Storage reserves first (a row that nobody can read), the bytes go straight to the store, and
the commit of the audio stands inside the app's transaction: whatever fails, the reservation is given back.
"""

from __future__ import annotations

import hashlib
import sqlite3
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mayfly_client import Client, MayflyError, put_grant_sync

_TABLE = """
CREATE TABLE IF NOT EXISTS recordings (
  id TEXT PRIMARY KEY, user_id TEXT NOT NULL, title TEXT NOT NULL, audio TEXT, file_path TEXT,
  UNIQUE (user_id, title)
)
"""


@dataclass(frozen=True, slots=True)
class Coach:
    """Keeps recordings in a database of its own, and their audio with Mayfly."""

    database: sqlite3.Connection
    mayfly: Client

    @classmethod
    def open(cls, path: Path, mayfly: Client) -> Coach:
        """Open the database; rows of before, which have no audio, stay as they are."""
        database = sqlite3.connect(path)
        database.execute(_TABLE)
        return cls(database, mayfly)

    def keep(self, user_id: str, title: str, audio: bytes) -> str:
        """Keep a recording; answers its id. Raises what went wrong, and then nothing is kept anywhere."""
        recording_id = str(uuid.uuid4())
        upload = self.mayfly.create_upload(
            collection="recordings",
            content_type="audio/m4a",
            size_bytes=len(audio),
            sha256=hashlib.sha256(audio).digest(),
            user_id=user_id,
            key_fields={"recording_id": recording_id},
        )
        assert upload.grant is not None  # noqa: S101 - a new request always gets one
        try:
            etags = put_grant_sync(self.mayfly.http, upload.grant, audio)
            with self.database:  # commits if the block ends well, and rolls back if it does not
                row = (recording_id, user_id, title, upload.audio.name, upload.audio.object_key)
                self.database.execute("INSERT INTO recordings VALUES (?, ?, ?, ?, ?)", row)
                self.mayfly.commit_upload(upload.audio.name, upload.grant.attempt, part_etags=etags)
        except BaseException:
            self._undo(upload.audio.name, upload.grant.attempt)
            raise
        return recording_id

    def _undo(self, name: str, attempt: str) -> None:
        """Give the reservation back; or delete the audio, where it was the database that failed last."""
        with suppress(MayflyError):  # of what is only reserved, the next sweep takes care otherwise
            try:
                self.mayfly.abandon_upload(name, attempt)
            except MayflyError as error:
                if error.reason == "UPLOAD_FENCED":
                    self.mayfly.delete(name)

    def link(self, recording_id: str) -> str | None:
        """A link to play it; None if there is no audio, which is a normal answer."""
        found = self.database.execute("SELECT audio FROM recordings WHERE id = ?", (recording_id,)).fetchone()
        if found is None or found[0] is None:
            return None
        try:
            return self.mayfly.url(found[0]).url
        except MayflyError:  # gone, or not to be had now: the results are worth showing without it
            return None

    def delete(self, recording_id: str) -> None:
        """Delete both. The audio first: a row without audio is known to the app, audio without a row to nobody."""
        found = self.database.execute("SELECT audio FROM recordings WHERE id = ?", (recording_id,)).fetchone()
        if found and found[0]:
            self.mayfly.delete(found[0])
        with self.database:
            self.database.execute("DELETE FROM recordings WHERE id = ?", (recording_id,))


def main() -> None:
    """Keep a recording, play it, delete it, with the services of this machine."""
    with Client.from_env() as mayfly:
        coach = Coach.open(Path("coach.sqlite"), mayfly)
        recording_id = coach.keep("u1", str(uuid.uuid4()), bytes(2_000))
        print(recording_id, "plays" if coach.link(recording_id) else "does not play")
        coach.delete(recording_id)


if __name__ == "__main__":
    main()
