"""Importing a folder: everything that is audio, once, and nothing of the source changed."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_runtime.offload import Offload
from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError
from mayfly_storage.importing.importer import Importer, ImportStoppedError, Summary
from mayfly_storage.importing.journal import Entry, JournalError, Outcome, open_journal
from mayfly_storage.importing.layouts import layout
from mayfly_storage.importing.patterns import Pattern
from mayfly_storage.importing.rules import Rule
from mayfly_storage.importing.staging import SourceError
from mayfly_storage.importing.taking import TakeFile, Wanted
from mayfly_storage.importing.walking import Found
from mayfly_storage.testing.stage import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.importing.journal import Journal

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
        return await self.follow([Rule(collection=collection, pattern=Pattern(pattern))], **facts)

    async def follow(self, rules: Sequence[Rule], **facts: Any) -> Summary:
        self.told.clear()
        wanted = Wanted(folder=self.folder, rules=rules, **facts)
        with open_journal(self.report, dry_run=wanted.dry_run) as journal:
            return await Importer(take=self.take(journal), tell=self.told.append).run(wanted)

    def take(self, journal: Journal) -> TakeFile:
        return TakeFile(
            store=self.stage.storage.store_file,
            draft=self.stage.world.draft,
            catalog=self.stage.memory.catalog,
            journal=journal,
            staging=self.staging,
            offload=self.pool,
            now=self.stage.clock.now,
        )

    def rows(self) -> list[Audio]:
        return list(self.stage.memory.catalog.rows.values())

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.report.read_text().splitlines()]

    def reasons(self) -> dict[str, str]:
        return {entry.path: entry.reason for entry in self.told}

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
    row = session.rows()[0]
    assert (row.writer, row.content_type, row.duration) == ("import", "audio/wav", timedelta(0))


async def test_recordings_keep_their_owner_and_their_id(session: Session) -> None:
    session.file("u1/r7.m4a", b"\0\0\0\x20ftypM4A \0\0\0\0mp42isom")
    await session.run("recordings", "{user_id}/{recording_id}.{ext}")
    assert session.lying() == {"users/u1/recordings/r7/audio.m4a"}
    [row] = session.rows()
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
    assert len(session.rows()) == 1


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
        async def __call__(self, request: Any, path: Any, **facts: Any) -> Any:
            nonlocal left
            left -= 1
            return await (stored(request, path, **facts) if left >= 0 else give_up())

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
    session.file("tts_2.wav")
    for _ in range(2):
        summary = await session.run()
    assert summary.counts == {Outcome.ALREADY: 2}
    assert [line["path"] for line in session.lines() if line["outcome"] == "imported"] == ["tts_1.wav", "tts_2.wav"]


@pytest.mark.parametrize("notes", ["these are my notes\n", "these are my notes", '{"a": 1}\n', "[]\n"])
async def test_a_report_that_is_none_is_refused_and_left_alone(session: Session, notes: str) -> None:
    session.report.write_text(notes)
    with pytest.raises(JournalError, match="line 1"):
        await session.run()
    assert session.report.read_text() == notes


async def test_a_report_that_another_import_writes_is_refused(session: Session) -> None:
    with open_journal(session.report, dry_run=False), pytest.raises(JournalError, match="another import"):
        await session.run()


async def test_a_run_that_never_heard_of_its_file_asks_for_it_before_it_stores_again(session: Session) -> None:
    session.file("tts_1.wav")
    await session.run()
    [begun, _] = session.lines()
    assert (begun["outcome"], begun["name"]) == ("begun", str(session.rows()[0].name))
    session.report.write_text(json.dumps(begun) + "\n")
    session.stage.memory.catalog.requests.clear()  # the run goes on later than request ids are remembered
    assert (await session.run()).counts == {Outcome.ALREADY: 1}
    assert (await session.run()).counts == {Outcome.ALREADY: 1}
    assert len(session.rows()) == 1


async def test_a_file_whose_date_alone_has_changed_is_known_by_its_bytes(session: Session) -> None:
    path = session.file("tts_1.wav")
    await session.run()
    os.utime(path, (1_000_000_000, 1_000_000_000))
    session.stage.memory.catalog.requests.clear()
    assert (await session.run()).counts == {Outcome.ALREADY: 1}
    assert len(session.rows()) == 1


async def test_what_is_known_has_its_line_and_gets_no_second_one(session: Session) -> None:
    session.file("tts_1.wav")
    await session.run()
    before = session.report.read_text()
    await session.run()
    assert session.report.read_text() == before


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
    reasons = session.reasons()
    assert "is empty" in reasons["empty.wav"]
    assert "no audio that is known" in reasons["page.wav"]
    assert "does not match the pattern *; nothing in it reaches into folders" in reasons["deep/b.wav"]


async def test_what_the_collection_refuses_is_told(session: Session) -> None:
    session.file("big.wav", WAV + bytes(52_428_800))
    session.file("odd.webm", b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm")
    await session.run()
    reasons = session.reasons()
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
    [row] = session.rows()
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


async def test_a_store_that_is_away_ends_the_run_before_every_file_has_waited_for_it(session: Session) -> None:
    for number in range(20):
        session.file(f"tts_{number:02}.wav", WAV + bytes([number]))
    session.stage.memory.blobs.failure = BackendUnavailableError("S3")
    with pytest.raises(ImportStoppedError, match=r"does not answer.*run it again"):
        await session.run(workers=2)
    assert len(session.told) < 8
    session.stage.memory.blobs.failure = None
    assert (await session.run()).counts == {Outcome.IMPORTED: 20}


async def test_a_data_folder_that_takes_no_copies_ends_the_run(session: Session) -> None:
    session.file("a.wav")
    session.staging.rmdir()
    with pytest.raises(ImportStoppedError, match=r"takes no copies.*'a\.wav'"):
        await session.run()


async def test_the_report_is_a_line_for_each_file(session: Session) -> None:
    session.file("a.wav")
    session.file("page.wav", b"<html>")
    await session.run()
    lines = session.lines()
    [imported] = [line for line in lines if line["outcome"] == "imported"]
    assert imported["name"].startswith("audio/")
    assert {line["path"] for line in lines} == {"a.wav", "page.wav"}


async def test_names_that_are_not_utf_8_are_imported_like_others(session: Session) -> None:
    (session.folder / os.fsdecode(b"tts_\xff.wav")).write_bytes(WAV)
    assert (await session.run(pattern="tts_*.{ext}")).counts == {Outcome.IMPORTED: 1}
    assert (await session.run(pattern="tts_*.{ext}")).counts == {Outcome.ALREADY: 1}


async def test_a_date_that_no_calendar_has_is_a_failure_of_its_file(session: Session) -> None:
    rules = [Rule(collection="temp-audio", pattern=Pattern("*"))]
    wanted = Wanted(folder=session.folder, rules=rules, from_file=True)
    with open_journal(session.report, dry_run=True) as journal, pytest.raises(SourceError, match="a calendar"):
        await session.take(journal)(Found(path="a.wav", size_bytes=1, modified_ns=10**21), wanted)


async def test_the_same_file_with_other_fields_is_not_stored_again(session: Session) -> None:
    session.file("u1.wav")
    await session.run("recordings", "{user_id}.{ext}", dry_run=True)
    rules = [Rule(collection="recordings", pattern=Pattern("{user_id}.{ext}"), fields={"recording_id": "r1"})]
    others = [Rule(collection="recordings", pattern=Pattern("{user_id}.{ext}"), fields={"recording_id": "r2"})]
    await session.follow(rules)
    session.report.unlink()
    await session.follow(others)
    assert session.outcomes() == {"u1.wav": Outcome.FAILED}
    assert "with other fields" in session.reasons()["u1.wav"]
    assert session.lying() == {"users/u1/recordings/r1/audio.wav"}


async def test_a_wav_file_that_is_cut_off_is_told(session: Session) -> None:
    session.file("cut.wav", WAV[:-4] + (1000).to_bytes(4, "little") + bytes(10))
    await session.run()
    assert "announces 1000 bytes of sound, 10 are there" in session.reasons()["cut.wav"]
    assert session.lying() == set()


async def test_what_system_e_left_comes_in_by_one_command(session: Session) -> None:
    mp3 = b"\xff\xfb\x90\x64"
    session.file("pitches/p1/original_file.mp3", mp3 + b"1")
    session.file("pitches/p1/processed/a.mp3", mp3 + b"2")
    session.file("processed-audio/j1/p1/b.mp3", mp3 + b"3")
    session.file("invoices/i1.mp3", mp3 + b"4")
    summary = await session.follow(layout("system-e"))
    assert summary.counts == {Outcome.IMPORTED: 3, Outcome.FAILED: 1}
    assert session.lying() == {
        "pitches/p1/original_file.mp3",
        "pitches/p1/processed/a.mp3",
        "processed-audio/j1/p1/b.mp3",
    }
    assert {row.collection for row in session.rows()} == {"pitches", "processing"}
