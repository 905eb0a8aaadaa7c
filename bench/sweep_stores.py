"""Full stores for the sweep: rows and objects that nobody has saved, some of them expired."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from bench.storage_server import an_audio
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.rows import RowFormat
from mayfly_storage.backends.aws.testing import emulated_session
from mayfly_storage.backends.embedded import statements
from mayfly_storage.backends.embedded.database import open_for_writing
from mayfly_storage.backends.embedded.folder import open_folder
from mayfly_storage.domain.audio import Audio, Location
from mayfly_storage.domain.timing import Timing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from mayfly_storage.backends.aws.options import AwsOptions

_AGE: Final = timedelta(hours=25)
_FOLDERS: Final = 60
_IN_A_BATCH: Final = 25
_WRITERS: Final = 8


@dataclass(frozen=True, slots=True)
class Full:
    """How much there is."""

    expired: int
    live: int


def audios(full: Full) -> Iterator[Audio]:
    """Guests' audio: what expired an hour ago, then what lives for another day."""
    for number in range(full.expired + full.live):
        yield an_audio(age=_AGE + timedelta(minutes=number % _FOLDERS) if number < full.expired else timedelta(0))


_COPY: Final = """
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :count)
INSERT INTO audio ({names}) SELECT {values} FROM number CROSS JOIN audio WHERE audio.audio_id = :like
"""
_OWN: Final = {
    "audio_id": "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-a'"
    " || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))",
    "object_key": "'temp-audio/copies/' || n || '.wav'",
}


def fill_folder(path: Path, full: Full) -> None:
    """A data folder that storage can be started on. Only what is expired has bytes: nothing looks at the others."""
    with open_folder(path) as folder, closing(open_for_writing(folder.database)) as connection:
        connection.execute("BEGIN")
        for audio in audios(replace(full, live=0)):
            statements.add_audio(connection, replace(audio, location=Location.LOCAL), audio.expire_time)
            file = folder.objects / audio.object_key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        if full.live:
            _add_live(connection, full.live)
        connection.execute("COMMIT")


def _add_live(connection: sqlite3.Connection, count: int) -> None:
    """By the database itself: a million of them one by one would take minutes."""
    first = replace(an_audio(), location=Location.LOCAL)
    statements.add_audio(connection, first, first.expire_time)
    columns = [row["name"] for row in connection.execute("PRAGMA table_info(audio)")]
    values = ", ".join(_OWN.get(name, f"audio.{name}") for name in columns)
    statement = _COPY.format(names=", ".join(columns), values=values)
    connection.execute(statement, {"count": count - 1, "like": first.name.audio_id})


def fill_bucket(options: AwsOptions, full: Full) -> list[Audio]:
    """A bucket and a table, which are there; what is in them then."""
    rows = RowFormat(timing=Timing(), bucket=options.bucket, due_buckets=options.due_buckets)
    made = list(audios(full))
    with closing(make_clients(options, session=emulated_session())) as clients, ThreadPoolExecutor(_WRITERS) as pool:

        def write(some: tuple[Audio, ...]) -> None:
            puts: list[Any] = [{"PutRequest": {"Item": rows.item(audio)}} for audio in some]
            clients.dynamodb.batch_write_item(RequestItems={options.table: puts})
            for audio in some:
                clients.s3.put_object(Bucket=options.bucket, Key=audio.object_key, Body=b"sound")

        list(pool.map(write, _in_batches(made)))
    return made


def _in_batches(made: list[Audio]) -> Iterator[tuple[Audio, ...]]:
    for start in range(0, len(made), _IN_A_BATCH):
        yield tuple(made[start : start + _IN_A_BATCH])
