"""Importing a folder: everything that is audio, once, and nothing of the source changed."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_runtime.offload import Offload
from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError
from mayfly_storage.importing.importer import Importer, ImportStoppedError, Summary, Wanted
from mayfly_storage.importing.journal import Entry, JournalError, Outcome, open_journal
from mayfly_storage.importing.patterns import Pattern
from mayfly_storage.testing.stage import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0"


class Session:
    """One stage, and any number of runs over one folder."""

    def __init__(self, tmp_path: Path, pool: Offload) -> None:
        self.stage = Stage()
        self.folder, self.staging, self.report = tmp_path / "old", tmp_path / "staging", tmp_path / "report.jsonl"
        self.folder.mkdir()
        self.staging.mkdir()
        self.pool = pool
        self.told: list[Entry] = []

    def file(self, path: str, body: bytes = WAV) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
        return target

    async def run(self, collection: str = "temp-audio", pattern: str = "*", **facts: Any) -> Summary:
        self.told.clear()
        lifetime = self.stage.world.collections.get(collection).lifetime
        wanted = Wanted(folder=self.folder, collection=collection, pattern=Pattern(pattern), lifetime=lifetime, **facts)
        with open_journal(self.report, dry_run=wanted.dry_run) as journal:
            importer = Importer(
                store=self.stage.storage.store_file,
                draft=self.stage.world.draft,
                catalog=self.stage.memory.catalog,
                journal=journal,
                staging=self.staging,
                offload=self.pool,
                now=self.stage.clock.now,
                tell=self.told.append,
            )
            return await importer.run(wanted)

    def outcomes(self) -> dict[str, Outcome]:
        return {entry.path: entry.outcome for entry in self.told}

    def lying(self) -> set[str]:
        return set(self.stage.memory.blobs.objects)


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[Session]:
    pool = Offload(name="import", workers=2, queue=20)
    yield Session(tmp_path, pool)
    await pool.shutdown()


async def test_what_system_a_left_becomes_guest_audio(session: Session) -> None:
    source = session.file("tts_1.wav")
    session.file("tts_2.wav", WAV + b"\0\0")
    summary = await session.run(pattern="tts_*.{ext}")
    assert summary.counts == {Outcome.IMPORTED: 2}
    assert summary.size_bytes == 2 * len(WAV) + 2
    assert all(key.startswith("temp-audio/") for key in session.lying())
    assert source.read_bytes() == WAV
    assert list(session.staging.iterdir()) == []
    [row, *_] = session.stage.memory.catalog.rows.values()
    assert (row.writer, row.content_type, row.duration) == ("import", "audio/wav", timedelta(0))


async def test_recordings_keep_their_owner_and_their_id(session: Session) -> None:
    session.file("u1/r7.m4a", b"\0\0\0\x20ftypM4A \0\0\0\0mp42isom")
    await session.run("recordings", "{user_id}/{recording_id}.{ext}")
    assert session.lying() == {"users/u1/recordings/r7/audio.m4a"}
    [row] = session.stage.memory.catalog.rows.values()
    assert (row.user_id, row.content_type) == ("u1", "audio/mp4")


async def test_segments_of_sessions_keep_their_place(session: Session) -> None:
    session.file("users/u1/s1/segment_002.wav")
    await session.run("speech-sessions", "users/{user_id}/{session_id}/segment_{index}.{ext}")
    assert session.lying() == {"audio/users/u1/s1/segment_002.wav"}


async def test_a_second_run_imports_nothing_twice(session: Session) -> None:
    session.file("tts_1.wav")
    await session.run()
    assert (await session.run()).counts == {Outcome.ALREADY: 1}
    session.stage.clock.advance(timedelta(days=3))  # request ids are forgotten by then
    assert (await session.run()).counts == {Outcome.ALREADY: 1}
    assert len(session.lying()) == 1


async def test_without_the_report_the_request_ids_say_so(session: Session) -> None:
    session.file("tts_1.wav")
    await session.run()
    session.report.unlink()
    await session.run()
    assert len(session.stage.memory.catalog.rows) == 1


async def test_a_recording_that_lies_there_already_is_known_by_its_bytes(session: Session) -> None:
    session.file("u1/r1.wav")
    await session.run("recordings", "{user_id}/{recording_id}.{ext}")
    session.report.unlink()
    session.stage.clock.advance(timedelta(days=3))
    summary = await session.run("recordings", "{user_id}/{recording_id}.{ext}")
    assert summary.counts == {Outcome.ALREADY: 1}
    session.file("u1/r1.wav", WAV + b"other")
    assert (await session.run("recordings", "{user_id}/{recording_id}.{ext}")).counts == {Outcome.FAILED: 1}
    assert "holds the key" in session.told[0].reason


async def test_a_run_that_was_cut_off_is_gone_on_with(session: Session) -> None:
    for number in range(10):
        session.file(f"tts_{number}.wav", WAV + bytes([number]))
    left = 4

    async def give_up(*_: Any, **__: Any) -> None:
        raise BackendMisconfiguredError("S3", "ExpiredToken")

    stored = session.stage.storage.store_file

    class Until:
        async def __call__(self, request: Any, path: Any) -> Any:
            nonlocal left
            left -= 1
            return await (stored(request, path) if left >= 0 else give_up())

    object.__setattr__(session.stage.storage, "store_file", Until())
    with pytest.raises(ImportStoppedError, match="ExpiredToken"):
        await session.run(workers=1)
    object.__setattr__(session.stage.storage, "store_file", stored)
    summary = await session.run()
    assert (summary.counts[Outcome.ALREADY], summary.counts[Outcome.IMPORTED]) == (4, 6)
    assert len(session.lying()) == 10
    assert list(session.staging.iterdir()) == []


async def test_a_line_that_was_cut_off_is_a_file_that_comes_again(session: Session) -> None:
    session.file("tts_1.wav")
    await session.run()
    session.report.write_text(session.report.read_text() + '{"path": "tts_2.w')
    assert (await session.run()).counts == {Outcome.ALREADY: 1}


async def test_a_report_that_is_none_is_refused(session: Session) -> None:
    session.report.write_text("these are my notes\n")
    with pytest.raises(JournalError, match="Line 1"):
        await session.run()
    assert session.report.read_text() == "these are my notes\n"


async def test_what_cannot_be_taken_is_told_and_the_rest_goes_on(session: Session, tmp_path: Path) -> None:
    session.file("a.wav")
    session.file("empty.wav", b"")
    session.file("page.wav", b"<html>")
    session.file("deep/b.wav")
    session.file(".hidden.wav")
    session.file("c.wav.part")
    os.mkfifo(session.folder / "pipe.wav")
    (tmp_path / "secret.wav").write_bytes(WAV)
    (session.folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    (session.folder / "away").symlink_to(tmp_path)
    summary = await session.run()
    assert session.outcomes() == {
        "a.wav": Outcome.IMPORTED,
        "empty.wav": Outcome.FAILED,
        "page.wav": Outcome.FAILED,
        "deep/b.wav": Outcome.FAILED,
        ".hidden.wav": Outcome.SKIPPED,
        "c.wav.part": Outcome.SKIPPED,
        "pipe.wav": Outcome.SKIPPED,
        "link.wav": Outcome.SKIPPED,
        "away": Outcome.SKIPPED,
    }
    assert summary.counts[Outcome.FAILED] == 3
    reasons = {entry.path: entry.reason for entry in session.told}
    assert "is empty" in reasons["empty.wav"]
    assert "no audio that is known" in reasons["page.wav"]
    assert "does not match the pattern *" in reasons["deep/b.wav"]


async def test_what_the_collection_refuses_is_told(session: Session) -> None:
    session.file("big.wav", WAV + bytes(52_428_800))
    session.file("odd.webm", b"\x1aE\xdf\xa3\x01\0\0\0")
    await session.run()
    reasons = {entry.path: entry.reason for entry in session.told}
    assert "at most 52428800" in reasons["big.wav"]
    assert "audio/webm" in reasons["odd.webm"]


async def test_names_that_are_no_part_of_a_key_are_told(session: Session) -> None:
    session.file("u1/a\x01b.wav")
    await session.run("recordings", "{user_id}/{recording_id}.{ext}")
    assert session.outcomes() == {"u1/a\x01b.wav": Outcome.FAILED}
    assert session.lying() == set()


async def test_a_dry_run_tells_the_same_and_changes_nothing(session: Session) -> None:
    session.file("a.wav")
    session.file("empty.wav", b"")
    summary = await session.run(dry_run=True)
    assert summary.counts == {Outcome.WOULD_IMPORT: 1, Outcome.FAILED: 1}
    assert "as temp-audio/" in next(entry.reason for entry in session.told if entry.path == "a.wav")
    assert session.lying() == set()
    assert not session.report.exists()


async def test_a_life_can_be_counted_from_the_files_date(session: Session) -> None:
    now = session.stage.clock.now()
    for name, age in (("young.wav", timedelta(hours=20)), ("old.wav", timedelta(hours=30))):
        path = session.file(name)
        at = (now - age).timestamp()
        os.utime(path, (at, at))
    await session.run(from_file=True)
    assert session.outcomes() == {"young.wav": Outcome.IMPORTED, "old.wav": Outcome.EXPIRED}
    [row] = session.stage.memory.catalog.rows.values()
    assert row.expire_time is not None
    assert abs(row.expire_time - (now + timedelta(hours=4))) < timedelta(seconds=1)


async def test_what_was_imported_and_has_ended_does_not_come_back(session: Session) -> None:
    session.file("a.wav")
    await session.run()
    session.report.unlink()
    session.stage.clock.advance(timedelta(hours=25))
    assert (await session.run()).counts == {Outcome.SKIPPED: 1}
    assert "since" in session.told[0].reason


async def test_a_store_that_does_not_answer_is_told_for_each_file_and_left_for_the_next_run(session: Session) -> None:
    session.file("a.wav")
    session.stage.memory.blobs.failure = BackendUnavailableError("S3")
    assert (await session.run()).counts == {Outcome.FAILED: 1}
    session.stage.memory.blobs.failure = None
    assert (await session.run()).counts == {Outcome.IMPORTED: 1}


async def test_the_report_is_a_line_for_each_file(session: Session) -> None:
    session.file("a.wav")
    session.file("page.wav", b"<html>")
    await session.run()
    lines = [json.loads(line) for line in session.report.read_text().splitlines()]
    [imported] = [line for line in lines if line["outcome"] == "imported"]
    assert imported["name"].startswith("audio/")
    assert {line["path"] for line in lines} == {"a.wav", "page.wav"}
