"""Audio that is too large for one PUT: granted in parts, and made one by the commit."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import (
    BackendUnavailableError,
    ContentMismatchError,
    InvalidAudioError,
    UploadFencedError,
    UploadIncompleteError,
)
from mayfly_storage.domain.links import Guarantee
from mayfly_storage.domain.parts import MOST_PARTS, cuts
from mayfly_storage.testing.builders import LARGE

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_storage.testing.parts import MemoryParts
    from mayfly_storage.testing.stage import Stage

pytestmark = pytest.mark.usefixtures("parts")


async def test_what_is_too_large_for_one_put_is_granted_in_parts(stage: Stage) -> None:
    audio, grant = await stage.granted()
    assert grant.url == ""
    assert [part.part_number for part in grant.parts] == [1, 2, 3, 4, 5]
    assert sum(part.size_bytes for part in grant.parts) == len(LARGE)
    assert Guarantee.CHECKSUM not in grant.enforced
    assert audio.upload_deadline - stage.clock.now() == stage.timing.multipart_lifetime


async def test_what_fits_is_one_put(stage: Stage, parts: MemoryParts) -> None:
    _, grant = await stage.granted(bytes(parts.single_put_bytes))
    assert (grant.parts, bool(grant.url)) == ((), True)
    assert stage.storage.get_storage_info().max_single_put_bytes == parts.single_put_bytes


async def test_the_commit_makes_one_audio_of_the_parts(stage: Stage, parts: MemoryParts) -> None:
    audio, grant = await stage.granted()
    stored = await stage.storage.commit_upload(audio.name, grant.attempt, stage.put_parts(grant))
    assert stored.state is State.READY
    assert stage.memory.blobs.objects[stored.object_key].body == LARGE
    assert parts.open == {}


async def test_a_commit_that_is_repeated_answers_the_same(stage: Stage) -> None:
    audio, grant = await stage.granted()
    etags = stage.put_parts(grant)
    first = await stage.storage.commit_upload(audio.name, grant.attempt, etags)
    assert await stage.storage.commit_upload(audio.name, grant.attempt, etags) == first
    assert await stage.storage.commit_upload(audio.name, grant.attempt) == first


async def test_a_commit_whose_completion_was_not_answered_goes_on(stage: Stage, parts: MemoryParts) -> None:
    audio, grant = await stage.granted()
    etags = stage.put_parts(grant)
    [upload_id] = parts.open
    await parts.complete(audio.object_key, upload_id, etags)
    assert (await stage.storage.commit_upload(audio.name, grant.attempt, etags)).state is State.READY


async def test_a_retry_goes_on_with_the_parts_that_are_there(stage: Stage, parts: MemoryParts) -> None:
    request = stage.wish(LARGE)
    audio, grant = await stage.storage.create_upload(request)
    assert grant is not None
    stage.put_parts(replace(grant, parts=grant.parts[:2]))
    again, retried = await stage.storage.create_upload(request)
    assert retried is not None
    assert (again.name, len(parts.open)) == (audio.name, 1)
    etags = stage.put_parts(replace(retried, parts=retried.parts[2:]))
    [upload] = parts.open.values()
    first = [hashlib.md5(upload.parts[n], usedforsecurity=False).hexdigest() for n in (1, 2)]
    assert (await stage.storage.commit_upload(audio.name, retried.attempt, [*first, *etags])).state is State.READY


@pytest.mark.parametrize("change", [lambda e: e[:-1], lambda e: e[::-1], lambda e: [*e, e[0]], lambda e: ["x", *e[1:]]])
async def test_other_parts_are_refused_and_can_be_mended(stage: Stage, change: Any) -> None:
    audio, grant = await stage.granted()
    etags = stage.put_parts(grant)
    with pytest.raises(ContentMismatchError, match="part_etags"):
        await stage.storage.commit_upload(audio.name, grant.attempt, change(etags))
    assert (await stage.storage.commit_upload(audio.name, grant.attempt, etags)).state is State.READY


async def test_other_bytes_in_a_part_are_not_stored(stage: Stage) -> None:
    audio, grant = await stage.granted()
    etags = stage.put_parts(grant, LARGE[:-1] + b"x")
    with pytest.raises(ContentMismatchError, match="sha256"):
        await stage.storage.commit_upload(audio.name, grant.attempt, etags)
    assert stage.memory.blobs.objects == {}


async def test_a_commit_without_its_parts_is_incomplete(stage: Stage) -> None:
    audio, grant = await stage.granted()
    with pytest.raises(UploadIncompleteError):
        await stage.storage.commit_upload(audio.name, grant.attempt)


async def test_parts_of_a_single_put_are_refused(stage: Stage) -> None:
    audio, grant = await stage.granted(b"small")
    with pytest.raises(InvalidAudioError, match="single PUT"):
        await stage.storage.commit_upload(audio.name, grant.attempt, ["etag"])
    with pytest.raises(InvalidAudioError, match="single PUT"):
        await stage.storage.commit_upload(audio.name, audio.attempt, ["etag"])


async def test_what_was_abandoned_leaves_no_part_and_cannot_be_committed(stage: Stage, parts: MemoryParts) -> None:
    audio, grant = await stage.granted()
    etags = stage.put_parts(grant)
    await stage.storage.abandon_upload(audio.name, grant.attempt)
    assert parts.open == {}
    with pytest.raises(UploadFencedError):
        await stage.storage.commit_upload(audio.name, grant.attempt, etags)
    assert stage.memory.blobs.objects == {}


async def test_two_tries_at_once_have_one_upload(stage: Stage, parts: MemoryParts) -> None:
    request, grants = stage.wish(LARGE), []

    async def faster() -> None:
        grants.append((await stage.storage.create_upload(request))[1])

    stage.catalog.before["name_upload"] = faster
    _, grant = await stage.storage.create_upload(request)
    [upload_id] = parts.open
    assert upload_id == "upload-2"
    assert [grant] == grants


async def test_an_audio_that_is_deleted_while_its_upload_is_begun_gets_no_grant(
    stage: Stage, parts: MemoryParts
) -> None:
    async def reap() -> None:
        [row] = stage.memory.catalog.rows.values()
        await stage.world.erase([row])

    stage.catalog.before["name_upload"] = reap
    with pytest.raises(UploadFencedError):
        await stage.storage.create_upload(stage.wish(LARGE))
    assert parts.open == {}


async def test_what_is_stored_names_no_upload_any_more(stage: Stage) -> None:
    audio, grant = await stage.granted()
    row = stage.row(audio)
    assert row is not None
    assert row.upload_id == "upload-1"
    assert (await stage.storage.commit_upload(audio.name, grant.attempt, stage.put_parts(grant))).upload_id == ""


async def test_a_completion_without_an_answer_is_believed_if_the_object_is_there(
    stage: Stage, parts: MemoryParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, grant = await stage.granted()
    complete = parts.complete

    async def and_lose_the_answer(*given: Any) -> None:
        await complete(*given)
        raise BackendUnavailableError("S3", retry_after=timedelta(seconds=1))

    monkeypatch.setattr(parts, "complete", and_lose_the_answer)
    etags = stage.put_parts(grant)
    assert (await stage.storage.commit_upload(audio.name, grant.attempt, etags)).state is State.READY


async def test_a_completion_that_failed_can_be_repeated(
    stage: Stage, parts: MemoryParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, grant = await stage.granted()
    etags = stage.put_parts(grant)

    async def fail(*_: Any) -> None:
        raise BackendUnavailableError("S3", retry_after=timedelta(seconds=1))

    with monkeypatch.context() as patch:
        patch.setattr(parts, "complete", fail)
        with pytest.raises(BackendUnavailableError):
            await stage.storage.commit_upload(audio.name, grant.attempt, etags)
    assert (await stage.storage.commit_upload(audio.name, grant.attempt, etags)).state is State.READY


async def test_storage_itself_puts_large_files_in_parts(stage: Stage, parts: MemoryParts, tmp_path: Path) -> None:
    path = tmp_path / "large.wav"
    path.write_bytes(LARGE)
    stored = await stage.storage.store_file(stage.wish(LARGE), path)
    assert stored.state is State.READY
    assert stage.memory.blobs.objects[stored.object_key].body == LARGE
    assert parts.open == {}


async def test_a_file_that_was_exchanged_is_not_stored(stage: Stage, parts: MemoryParts, tmp_path: Path) -> None:
    path = tmp_path / "large.wav"
    path.write_bytes(LARGE[::-1])
    with pytest.raises(ContentMismatchError, match="sha256"):
        await stage.storage.store_file(stage.wish(LARGE), path)
    assert (stage.memory.blobs.objects, parts.open) == ({}, {})


async def test_storage_goes_on_where_its_caller_stopped(stage: Stage, parts: MemoryParts, tmp_path: Path) -> None:
    path, request = tmp_path / "large.wav", stage.wish(LARGE)
    path.write_bytes(LARGE)
    audio, grant = await stage.storage.create_upload(request)
    assert grant is not None
    stage.put_parts(replace(grant, parts=grant.parts[:2]))
    stored = await stage.storage.store_file(request, path)
    assert (stored.name, stored.state, parts.open) == (audio.name, State.READY, {})


async def test_an_upload_that_is_over_is_not_stored_by_storage_either(
    stage: Stage, parts: MemoryParts, tmp_path: Path
) -> None:
    path, request = tmp_path / "large.wav", stage.wish(LARGE)
    path.write_bytes(LARGE)
    await stage.storage.create_upload(request)
    parts.open.clear()
    with pytest.raises(UploadFencedError):
        await stage.storage.store_file(request, path)
    assert stage.memory.blobs.objects == {}


@pytest.mark.parametrize(("size", "part", "count"), [(1, 5, 1), (10, 5, 2), (11, 5, 3), (1_000_000, 1, MOST_PARTS)])
def test_parts_cover_the_whole_and_are_not_too_many(size: int, part: int, count: int) -> None:
    found = list(cuts(size, part))
    assert len(found) == count
    assert [each.number for each in found] == list(range(1, count + 1))
    assert sum(each.size_bytes for each in found) == size
    assert all(a.offset_bytes + a.size_bytes == b.offset_bytes for a, b in pairwise(found))
