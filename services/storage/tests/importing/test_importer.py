"""Importing a folder: everything that is audio, once, and nothing of the source changed."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.importing.importer import ImportStoppedError
from mayfly_storage.importing.journal import Outcome, open_journal
from mayfly_storage.importing.layouts import layout
from mayfly_storage.importing.patterns import Pattern
from mayfly_storage.importing.rules import Rule
from mayfly_storage.importing.staging import SourceError
from mayfly_storage.importing.taking import Wanted
from mayfly_storage.importing.walking import Found
from mayfly_storage.testing.importing import WAV, Session

if TYPE_CHECKING:
    from pathlib import Path


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


async def test_names_that_are_not_utf_8_are_imported_like_others(session: Session) -> None:
    (session.folder / os.fsdecode(b"tts_\xff.wav")).write_bytes(WAV)
    assert (await session.run(pattern="tts_*.{ext}")).counts == {Outcome.IMPORTED: 1}
    assert (await session.run(pattern="tts_*.{ext}")).counts == {Outcome.ALREADY: 1}


async def test_a_date_that_no_calendar_has_is_a_failure_of_its_file(session: Session) -> None:
    rules = [Rule(collection="temp-audio", pattern=Pattern("*"))]
    wanted = Wanted(folder=session.folder, rules=rules, from_file=True)
    with open_journal(session.report, dry_run=True) as journal, pytest.raises(SourceError, match="a calendar"):
        await session.take(journal)(Found(path="a.wav", size_bytes=1, modified_ns=10**21), wanted)


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
