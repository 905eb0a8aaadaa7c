"""Audio that is too large for one PUT: granted in parts, made one by the commit, and swept where nobody ended it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import (
    ContentMismatchError,
    InvalidAudioError,
    UploadFencedError,
    UploadIncompleteError,
)
from mayfly_storage.domain.links import Guarantee
from mayfly_storage.domain.parts import MOST_PARTS, cuts
from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.retention import DueItem, DueReason, PurgeOutcome
from mayfly_storage.domain.uploads import Subject

if TYPE_CHECKING:
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import UploadGrant
    from mayfly_storage.testing.parts import MemoryParts
    from mayfly_storage.testing.stage import Stage

LARGE = bytes(range(256)) * 5_000
EVERYTHING = Shard(index=0, count=1)
RECORDING: dict[str, Any] = {
    "collection": "recordings",
    "key_fields": {"recording_id": "r1"},
    "subject": Subject(user_id="u1"),
}


@pytest.fixture(autouse=True)
def parts(stage: Stage) -> MemoryParts:
    found: Any = stage.memory.backend.stores.first.parts
    found.single_put_bytes = 1024**2
    return found


async def granted(stage: Stage, body: bytes = LARGE, **overrides: Any) -> tuple[Audio, UploadGrant]:
    audio, grant = await stage.storage.create_upload(stage.wish(body, **overrides))
    assert grant is not None
    return audio, grant


def put(stage: Stage, grant: UploadGrant, body: bytes = LARGE) -> list[str]:
    """The ETags of all parts."""
    etags = []
    for part in grant.parts:
        piece = body[part.offset_bytes : part.offset_bytes + part.size_bytes]
        answer = stage.memory.links.serve("PUT", part.url, headers=part.headers, body=piece)
        assert answer.status == 200
        etags.append(answer.headers["etag"])
    return etags


async def lost(stage: Stage) -> list[DueItem]:
    items: list[DueItem] = []
    cursor = ""
    while True:
        page = await stage.retention.list_orphans(collection="", shard=EVERYTHING, limit=1, cursor=cursor)
        items += page.items
        if not (cursor := page.cursor):
            return items


async def test_what_is_too_large_for_one_put_is_granted_in_parts(stage: Stage) -> None:
    audio, grant = await granted(stage)
    assert grant.url == ""
    assert [part.part_number for part in grant.parts] == [1, 2, 3, 4, 5]
    assert sum(part.size_bytes for part in grant.parts) == len(LARGE)
    assert Guarantee.CHECKSUM not in grant.enforced
    assert audio.upload_deadline - stage.clock.now() == stage.timing.multipart_lifetime


async def test_what_fits_is_one_put(stage: Stage, parts: MemoryParts) -> None:
    _, grant = await granted(stage, bytes(parts.single_put_bytes))
    assert (grant.parts, bool(grant.url)) == ((), True)
    assert stage.storage.get_storage_info().max_single_put_bytes == parts.single_put_bytes


async def test_the_commit_makes_one_audio_of_the_parts(stage: Stage, parts: MemoryParts) -> None:
    audio, grant = await granted(stage)
    stored = await stage.storage.commit_upload(audio.name, grant.attempt, put(stage, grant))
    assert stored.state is State.READY
    assert stage.memory.blobs.objects[stored.object_key].body == LARGE
    assert parts.open == {}


async def test_a_commit_that_is_repeated_answers_the_same(stage: Stage) -> None:
    audio, grant = await granted(stage)
    etags = put(stage, grant)
    first = await stage.storage.commit_upload(audio.name, grant.attempt, etags)
    assert await stage.storage.commit_upload(audio.name, grant.attempt, etags) == first
    assert await stage.storage.commit_upload(audio.name, grant.attempt) == first


async def test_a_commit_whose_completion_was_not_answered_goes_on(stage: Stage, parts: MemoryParts) -> None:
    audio, grant = await granted(stage)
    etags = put(stage, grant)
    [upload_id] = parts.open
    await parts.complete(audio.object_key, upload_id, etags)
    assert (await stage.storage.commit_upload(audio.name, grant.attempt, etags)).state is State.READY


async def test_a_retry_goes_on_with_the_parts_that_are_there(stage: Stage, parts: MemoryParts) -> None:
    request = stage.wish(LARGE)
    audio, grant = await stage.storage.create_upload(request)
    assert grant is not None
    put(stage, replace(grant, parts=grant.parts[:2]))
    again, retried = await stage.storage.create_upload(request)
    assert retried is not None
    assert (again.name, len(parts.open)) == (audio.name, 1)
    etags = put(stage, replace(retried, parts=retried.parts[2:]))
    [upload] = parts.open.values()
    first = [hashlib.md5(upload.parts[n], usedforsecurity=False).hexdigest() for n in (1, 2)]
    assert (await stage.storage.commit_upload(audio.name, retried.attempt, [*first, *etags])).state is State.READY


@pytest.mark.parametrize("change", [lambda e: e[:-1], lambda e: e[::-1], lambda e: [*e, e[0]], lambda e: ["x", *e[1:]]])
async def test_other_parts_are_refused_and_can_be_mended(stage: Stage, change: Any) -> None:
    audio, grant = await granted(stage)
    etags = put(stage, grant)
    with pytest.raises(ContentMismatchError, match="part_etags"):
        await stage.storage.commit_upload(audio.name, grant.attempt, change(etags))
    assert (await stage.storage.commit_upload(audio.name, grant.attempt, etags)).state is State.READY


async def test_other_bytes_in_a_part_are_not_stored(stage: Stage) -> None:
    audio, grant = await granted(stage)
    etags = put(stage, grant, LARGE[:-1] + b"x")
    with pytest.raises(ContentMismatchError, match="sha256"):
        await stage.storage.commit_upload(audio.name, grant.attempt, etags)
    assert stage.memory.blobs.objects == {}


async def test_a_commit_without_its_parts_is_incomplete(stage: Stage) -> None:
    audio, grant = await granted(stage)
    with pytest.raises(UploadIncompleteError):
        await stage.storage.commit_upload(audio.name, grant.attempt)


async def test_parts_of_a_single_put_are_refused(stage: Stage) -> None:
    audio, grant = await granted(stage, b"small")
    with pytest.raises(InvalidAudioError, match="single PUT"):
        await stage.storage.commit_upload(audio.name, grant.attempt, ["etag"])
    with pytest.raises(InvalidAudioError, match="single PUT"):
        await stage.storage.commit_upload(audio.name, audio.attempt, ["etag"])


async def test_what_was_abandoned_leaves_no_part_and_cannot_be_committed(stage: Stage, parts: MemoryParts) -> None:
    audio, grant = await granted(stage)
    etags = put(stage, grant)
    await stage.storage.abandon_upload(audio.name, grant.attempt)
    assert parts.open == {}
    with pytest.raises(UploadFencedError):
        await stage.storage.commit_upload(audio.name, grant.attempt, etags)
    assert stage.memory.blobs.objects == {}


@pytest.mark.parametrize("wish", [{}, RECORDING])
async def test_what_nobody_ends_is_swept_with_its_parts(stage: Stage, parts: MemoryParts, wish: dict[str, Any]) -> None:
    _, grant = await granted(stage, **wish)
    put(stage, replace(grant, parts=grant.parts[:3]))
    assert await lost(stage) == []
    stage.clock.advance(timedelta(hours=2))
    due = await stage.retention.list_expired(collection="", before=None, shard=EVERYTHING, limit=10, cursor="")
    await stage.retention.purge_audio(due.items)
    [item] = await lost(stage)
    assert (item.reason, item.multipart_upload_id) == (DueReason.ORPHAN_MULTIPART, next(iter(parts.open)))
    [dry] = await stage.retention.purge_audio([item], validate_only=True)
    assert (dry.outcome, len(parts.open)) == (PurgeOutcome.DELETED, 1)
    assert not (await stage.retention.verify_gone([item]))[0].object_gone
    [done] = await stage.retention.purge_audio([item])
    assert (done.outcome, parts.open) == (PurgeOutcome.DELETED, {})
    assert (await stage.retention.verify_gone([item]))[0].object_gone
    [again] = await stage.retention.purge_audio([item])
    assert again.outcome is PurgeOutcome.ALREADY_GONE
    assert await lost(stage) == []


async def test_an_upload_under_way_is_left_alone_however_old_it_looks(stage: Stage, parts: MemoryParts) -> None:
    await granted(stage)
    upload_id, upload = next(iter(parts.open.items()))
    upload.begin_time -= timedelta(days=1)
    assert await lost(stage) == []
    item = DueItem(
        name=None,
        location=stage.memory.blobs.location,
        object_key=upload.audio.object_key,
        reason=DueReason.ORPHAN_MULTIPART,
        multipart_upload_id=upload_id,
    )
    [result] = await stage.retention.purge_audio([item])
    assert (result.outcome, len(parts.open)) == (PurgeOutcome.SKIPPED, 1)


async def test_parts_that_were_under_way_are_left_for_the_next_sweep(stage: Stage, parts: MemoryParts) -> None:
    await granted(stage)
    stage.clock.advance(timedelta(hours=2))
    due = await stage.retention.list_expired(collection="", before=None, shard=EVERYTHING, limit=10, cursor="")
    await stage.retention.purge_audio(due.items)
    [item] = await lost(stage)
    parts.clings = 1
    [failed] = await stage.retention.purge_audio([item])
    assert failed.outcome is PurgeOutcome.FAILED
    [done] = await stage.retention.purge_audio(await lost(stage))
    assert done.outcome is PurgeOutcome.DELETED


@pytest.mark.parametrize(("size", "part", "count"), [(1, 5, 1), (10, 5, 2), (11, 5, 3), (1_000_000, 1, MOST_PARTS)])
def test_parts_cover_the_whole_and_are_not_too_many(size: int, part: int, count: int) -> None:
    found = list(cuts(size, part))
    assert len(found) == count
    assert [each.number for each in found] == list(range(1, count + 1))
    assert sum(each.size_bytes for each in found) == size
    assert all(a.offset_bytes + a.size_bytes == b.offset_bytes for a, b in pairwise(found))
