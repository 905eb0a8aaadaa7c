"""An import that is run again, or goes on after it was cut off: nothing twice, with its report and without."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import Any

import pytest

from mayfly_storage.domain.errors import BackendMisconfiguredError
from mayfly_storage.importing.importer import ImportStoppedError
from mayfly_storage.importing.journal import JournalError, Outcome, open_journal
from mayfly_storage.importing.patterns import Pattern
from mayfly_storage.importing.rules import Rule
from mayfly_storage.testing.importing import WAV, Session


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


async def test_what_was_imported_and_has_ended_does_not_come_back(session: Session) -> None:
    session.file("a.wav")
    await session.run()
    session.report.unlink()
    session.stage.clock.advance(timedelta(hours=25))
    assert (await session.run()).counts == {Outcome.SKIPPED: 1}
    assert "since" in session.told[0].reason


async def test_the_report_is_a_line_for_each_file(session: Session) -> None:
    session.file("a.wav")
    session.file("page.wav", b"<html>")
    await session.run()
    lines = session.lines()
    [imported] = [line for line in lines if line["outcome"] == "imported"]
    assert imported["name"].startswith("audio/")
    assert {line["path"] for line in lines} == {"a.wav", "page.wav"}


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
