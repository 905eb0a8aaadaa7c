"""Large audio: rows that name their upload in parts, and the stores that take parts."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.audio import Audio, State
from mayfly_storage.domain.errors import ContentMismatchError, StateChangedError
from mayfly_storage.testing import facts_of
from mayfly_storage.testing.stage import Stage
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from mayfly_storage.domain.links import UploadGrant
    from mayfly_storage.domain.parts import OpenUpload, PartStore
    from mayfly_storage.testing import Subject

    Put = Callable[..., Awaitable[object]]

MIB = 1024**2
LARGE = hashlib.shake_256(b"large").digest(11 * MIB)


async def reserved(subject: Subject) -> Audio:
    audio = replace(subject.an_audio(body=LARGE), upload_deadline=subject.clock.now() + timedelta(minutes=30))
    await subject.catalog.reserve(audio, None)
    return audio


async def row_of(subject: Subject, audio: Audio) -> Audio:
    return (await subject.catalog.get_many([audio.name]))[audio.name]


@pytest.fixture
def parts(subject: Subject) -> PartStore:
    found = subject.backend.stores.first.parts
    if found is None:
        pytest.skip("one PUT takes audio of any size here")
    return found


class TestRows:
    async def test_a_pending_row_names_its_upload_and_a_ready_one_forgets_it(self, subject: Subject) -> None:
        audio = await reserved(subject)

        named = await subject.catalog.name_upload(audio, "upload-1")

        assert named == replace(audio, upload_id="upload-1") == await row_of(subject, audio)
        ready = await subject.catalog.make_ready(named.ready(etag="tag"))
        assert ready == audio.ready(etag="tag") == await row_of(subject, audio)

    async def test_the_upload_that_was_named_first_stays(self, subject: Subject) -> None:
        audio = await reserved(subject)
        tries = [f"upload-{number}" for number in range(8)]

        named = await asyncio.gather(*(subject.catalog.name_upload(audio, each) for each in tries))

        [winner] = {row.upload_id for row in named}
        assert winner in tries
        assert (await row_of(subject, audio)).upload_id == winner

    async def test_a_tombstone_still_names_it(self, subject: Subject) -> None:
        audio = await reserved(subject)
        named = await subject.catalog.name_upload(audio, "upload-1")

        [tombstone] = await subject.catalog.begin_delete([named], subject.clock.now())

        assert tombstone is not None
        assert (tombstone.state, tombstone.upload_id) == (State.DELETING, "upload-1")
        assert await row_of(subject, audio) == tombstone

    async def test_only_a_pending_row_of_the_same_attempt_names_one(self, subject: Subject) -> None:
        ready, deleting, missing = await reserved(subject), await reserved(subject), subject.an_audio()
        await subject.catalog.make_ready(ready.ready(etag="tag"))
        await subject.catalog.begin_delete([deleting], subject.clock.now())
        other = replace(await reserved(subject), attempt="another")

        for audio in (ready, deleting, missing, other):
            with pytest.raises(StateChangedError):
                await subject.catalog.name_upload(audio, "upload-1")


async def put_parts(subject: Subject, grant: UploadGrant, body: bytes = LARGE) -> list[str]:
    etags = []
    for part in grant.parts:
        piece = body[part.offset_bytes : part.offset_bytes + part.size_bytes]
        answer = await subject.follow("PUT", part.url, headers=dict(part.headers), body=piece)
        assert answer.status == 200
        etags.append(answer.headers["etag"])
    return etags


class TestParts:
    async def test_they_become_one_object_of_the_attempt(self, subject: Subject, parts: PartStore) -> None:
        audio = await reserved(subject)
        upload_id = await parts.begin(audio)
        grant = await parts.grant(audio, upload_id)

        await parts.complete(audio.object_key, upload_id, await put_parts(subject, grant))

        blob = await subject.blobs.head(audio.object_key)
        assert blob is not None
        assert (blob.size_bytes, blob.attempt) == (len(LARGE), audio.attempt)
        assert await subject.blobs.read(audio.object_key, offset=5 * MIB - 2, length=4) == LARGE[5 * MIB - 2 :][:4]
        assert not await parts.is_open(audio.object_key, upload_id)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda e: e[::-1], id="out of order"),
            pytest.param(lambda e: [*e, e[0]], id="one too many"),
            pytest.param(lambda e: ['"0123456789abcdef0123456789abcdef"', *e[1:]], id="another's"),
            pytest.param(lambda e: ["</ETag>", *e[1:]], id="no etag"),
        ],
    )
    async def test_others_are_refused_and_can_be_mended(
        self, subject: Subject, parts: PartStore, change: Callable[[list[str]], list[str]]
    ) -> None:
        audio = await reserved(subject)
        upload_id = await parts.begin(audio)
        etags = await put_parts(subject, await parts.grant(audio, upload_id))

        with pytest.raises(ContentMismatchError, match="part_etags"):
            await parts.complete(audio.object_key, upload_id, change(etags))

        assert await subject.blobs.head(audio.object_key) is None
        await parts.complete(audio.object_key, upload_id, etags)
        assert await subject.blobs.head(audio.object_key) is not None

    async def test_one_that_is_put_again_counts_as_it_was_put_last(self, subject: Subject, parts: PartStore) -> None:
        audio = await reserved(subject)
        upload_id = await parts.begin(audio)
        grant = await parts.grant(audio, upload_id)
        stale = await put_parts(subject, grant, LARGE[::-1])
        etags = await put_parts(subject, grant)

        with pytest.raises(ContentMismatchError, match="part_etags"):
            await parts.complete(audio.object_key, upload_id, stale)
        await parts.complete(audio.object_key, upload_id, etags)

        assert await subject.blobs.read(audio.object_key, offset=0, length=10) == LARGE[:10]

    async def test_completing_again_changes_nothing(self, subject: Subject, parts: PartStore) -> None:
        audio = await reserved(subject)
        upload_id = await parts.begin(audio)
        etags = await put_parts(subject, await parts.grant(audio, upload_id))
        await parts.complete(audio.object_key, upload_id, etags)
        before = await subject.blobs.head(audio.object_key)

        await parts.complete(audio.object_key, upload_id, etags)

        assert await subject.blobs.head(audio.object_key) == before

    async def test_what_lies_at_the_key_is_not_overwritten(self, subject: Subject, parts: PartStore, put: Put) -> None:
        audio = await reserved(subject)
        theirs = facts_of(subject.an_audio(body=b"others'"))
        await put(audio.object_key, b"others'", theirs)
        upload_id = await parts.begin(audio)
        etags = await put_parts(subject, await parts.grant(audio, upload_id))

        await parts.complete(audio.object_key, upload_id, etags)

        blob = await subject.blobs.head(audio.object_key)
        assert blob is not None
        assert blob.attempt == theirs.attempt

    async def test_an_aborted_upload_takes_no_part_and_makes_no_object(
        self, subject: Subject, parts: PartStore
    ) -> None:
        audio = await reserved(subject)
        upload_id = await parts.begin(audio)
        grant = await parts.grant(audio, upload_id)
        await put_parts(subject, replace(grant, parts=grant.parts[:1]))

        assert await parts.abort(audio.object_key, upload_id)
        assert await parts.abort(audio.object_key, upload_id)

        late = grant.parts[0]
        answer = await subject.follow("PUT", late.url, headers=dict(late.headers), body=LARGE[: late.size_bytes])
        assert answer.status >= 400
        assert not await parts.is_open(audio.object_key, upload_id)
        assert await subject.blobs.head(audio.object_key) is None

    async def test_open_ones_are_listed_until_they_end(self, subject: Subject, parts: PartStore) -> None:
        audios = [await reserved(subject) for _ in range(3)]
        begun = {audio.object_key: await parts.begin(audio) for audio in audios}
        await put_parts(subject, await parts.grant(audios[0], begun[audios[0].object_key]))

        found = await listed(parts, "temp-audio/")

        assert sorted((each.key, each.upload_id) for each in found) == sorted(begun.items())
        for key, upload_id in begun.items():
            assert await parts.abort(key, upload_id)
        assert await listed(parts, "temp-audio/") == []
        assert await listed(parts, "users/") == []

    async def test_storage_puts_them_from_a_file(self, subject: Subject, parts: PartStore, tmp_path: Path) -> None:
        audio = await reserved(subject)
        path = tmp_path / "large"
        path.write_bytes(LARGE)
        upload_id = await parts.begin(audio)

        etags = await parts.put_file(audio, upload_id, path)

        assert etags is not None
        await parts.complete(audio.object_key, upload_id, etags)
        blob = await subject.blobs.head(audio.object_key)
        assert blob is not None
        assert blob.size_bytes == len(LARGE)

    async def test_storage_hears_that_an_upload_is_over(
        self, subject: Subject, parts: PartStore, tmp_path: Path
    ) -> None:
        audio = await reserved(subject)
        path = tmp_path / "large"
        path.write_bytes(LARGE)
        upload_id = await parts.begin(audio)
        await parts.abort(audio.object_key, upload_id)

        assert await parts.put_file(audio, upload_id, path) is None


async def listed(parts: PartStore, prefix: str) -> list[OpenUpload]:
    found: list[OpenUpload] = []
    cursor = ""
    while True:
        page = await parts.list_uploads(prefix, limit=2, cursor=cursor)
        found += page.uploads
        if not (cursor := page.cursor):
            return found


async def test_large_audio_is_stored_as_its_grant_says(subject: Subject) -> None:
    stage = Stage()
    storage = StorageUseCases.over(replace(stage.world, backend=subject.backend, now=subject.clock.now))
    audio, grant = await storage.create_upload(stage.wish(LARGE))
    assert grant is not None
    etags = await put_parts(subject, grant)
    if not grant.parts:
        assert (await subject.follow("PUT", grant.url, headers=dict(grant.headers), body=LARGE)).status < 300

    stored = await storage.commit_upload(audio.name, grant.attempt, etags)

    blob = await subject.blobs.head(stored.object_key)
    assert blob is not None
    assert (stored.state, blob.size_bytes) == (State.READY, len(LARGE))
