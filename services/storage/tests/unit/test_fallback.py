"""The fallback: new audio goes elsewhere while the first store fails in a way that passes, and never otherwise."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import (
    AudioNotFoundError,
    BackendMisconfiguredError,
    BackendUnavailableError,
    StorageFullError,
    UploadIncompleteError,
)
from mayfly_storage.domain.fallback import FORCED, Fallback
from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.retention import DueReason
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.stage import Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio

DOWN = BackendUnavailableError("S3", cause="ConnectTimeoutError")
DENIED = BackendMisconfiguredError("S3", "AccessDenied")
EVERYTHING = Shard(index=0, count=1)


@pytest.fixture
def stage() -> Stage:
    return Stage(with_fallback=True)


@pytest.fixture
def fallback(stage: Stage) -> Fallback:
    assert stage.fallback is not None
    return stage.fallback


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sound"
    path.write_bytes(SOUND)
    return path


async def swept(stage: Stage) -> list[DueReason]:
    """What two sweeps delete, after any late PUT; nothing may be left for a third."""
    reasons: list[DueReason] = []
    for _ in range(2):
        stage.clock.advance(timedelta(hours=1))
        due = await stage.retention.list_expired(collection="", before=None, shard=EVERYTHING, limit=100, cursor="")
        items, cursor = list(due.items), ""
        while True:
            page = await stage.retention.list_orphans(collection="", shard=EVERYTHING, limit=100, cursor=cursor)
            items += page.items
            if not (cursor := page.cursor):
                break
        await stage.retention.purge_audio(items, validate_only=False)
        reasons += [item.reason for item in items]
    return reasons


def places(stage: Stage, audio: Audio) -> set[Location]:
    """In which stores bytes lie at an audio's key."""
    stores = (stage.memory.blobs, stage.memory.fallback_blobs)
    return {store.location for store in stores if audio.object_key in store.objects}


async def test_an_upload_that_the_first_store_does_not_take_goes_to_the_fallback(stage: Stage, file: Path) -> None:
    stage.memory.blobs.failure = DOWN
    stored = await stage.storage.store_file(stage.wish(), file)
    assert stored.location is Location.LOCAL
    assert places(stage, stored) == {Location.LOCAL}
    assert (await stage.storage.get_audio(stored.name)).location is Location.LOCAL


async def test_a_link_leads_to_where_the_bytes_are(stage: Stage, file: Path) -> None:
    stage.memory.blobs.failure = DOWN
    stored = await stage.storage.store_file(stage.wish(), file)
    links = await stage.storage.sign_urls([stored.name], ttl=None, attachment=False)
    url = getattr(links[stored.name], "url")  # noqa: B009 - an outcome may be an exception
    served = stage.memory.backend.stores.by_location[Location.LOCAL].links
    assert served.serve("GET", url).body == SOUND  # type: ignore[attr-defined] # the fake serves its own links


@pytest.mark.parametrize("failure", [DENIED, BackendMisconfiguredError("S3", "NoSuchBucket"), StorageFullError()])
async def test_what_does_not_pass_by_itself_is_told_and_nothing_is_kept(
    stage: Stage, fallback: Fallback, file: Path, failure: Exception
) -> None:
    stage.memory.blobs.failure = failure
    for _ in range(5):
        with pytest.raises(type(failure)):
            await stage.storage.store_file(stage.wish(), file)
    assert not fallback.is_active
    assert not stage.memory.fallback_blobs.objects
    stage.memory.blobs.failure = None
    await swept(stage)
    assert not stage.memory.catalog.rows


async def test_after_some_failures_grants_lead_to_the_fallback(stage: Stage, fallback: Fallback) -> None:
    stage.memory.blobs.failure = DOWN
    for _ in range(3):
        assert not fallback.is_active
        with pytest.raises(BackendUnavailableError):
            await stage.memory.backend.stores.first.blobs.check()
    audio = await stage.reserved()
    assert audio.location is Location.LOCAL


async def test_while_it_is_active_nobody_waits_for_the_first_store(
    stage: Stage, fallback: Fallback, file: Path
) -> None:
    waiting = await stage.reserved()
    for _ in range(3):
        fallback.failed(DOWN)
    stage.memory.blobs.failure = AssertionError("nobody may call it")
    request = stage.wish(request_id="5f0c8a52-6e0d-4b8a-9d0e-0f7f5f2f1a11")
    stored = await stage.storage.store_file(request, file)
    assert (stored.location, waiting.location) == (Location.LOCAL, Location.S3)


async def test_what_needs_the_first_store_is_told_at_once_that_it_is_away(stage: Stage, fallback: Fallback) -> None:
    old = await stage.saved()
    for _ in range(3):
        fallback.failed(DOWN)
    stage.memory.blobs.failure = AssertionError("nobody may call it")
    with pytest.raises(BackendUnavailableError):
        await stage.memory.backend.stores.of(old).blobs.head(old.object_key)
    assert await stage.storage.delete_audio(old.name)
    with pytest.raises(AudioNotFoundError):
        await stage.storage.get_audio(old.name)


async def test_a_store_that_hangs_is_not_waited_for(stage: Stage, file: Path) -> None:
    assert stage.fallback is not None
    stage.fallback.patience = timedelta(0)
    stored = await stage.storage.store_file(stage.wish(), file)
    assert stored.location is Location.LOCAL


async def test_a_retry_of_a_grant_that_failed_goes_through_storage(stage: Stage, file: Path) -> None:
    request = stage.wish()
    audio, grant = await stage.storage.create_upload(request)
    assert grant is not None
    assert audio.location is Location.S3
    stage.memory.blobs.failure = DOWN
    stored = await stage.storage.store_file(request, file)
    assert (stored.name, stored.location) == (audio.name, Location.LOCAL)


async def test_a_retry_during_an_outage_gets_a_grant_that_leads_to_the_fallback(
    stage: Stage, fallback: Fallback
) -> None:
    request = stage.wish()
    first, _ = await stage.storage.create_upload(request)
    for _ in range(3):
        fallback.failed(DOWN)
    again, grant = await stage.storage.create_upload(request)
    assert grant is not None
    assert (first.name, first.location, again.location) == (again.name, Location.S3, Location.LOCAL)
    with pytest.raises(UploadIncompleteError):
        await stage.storage.commit_upload(again.name, grant.attempt)
    links: Any = stage.memory.backend.stores.by_location[Location.LOCAL].links
    assert links.serve("PUT", grant.url, headers=grant.headers, body=SOUND).status == 200
    stored = await stage.storage.commit_upload(again.name, grant.attempt)
    assert (stored.location, places(stage, stored)) == (Location.LOCAL, {Location.LOCAL})


async def test_a_grant_in_parts_that_cannot_begin_leads_to_the_fallback(stage: Stage, fallback: Fallback) -> None:
    parts: Any = stage.memory.backend.stores.first.parts
    parts.single_put_bytes = len(SOUND) - 1
    stage.memory.blobs.failure = DOWN
    audio, grant = await stage.storage.create_upload(stage.wish())
    assert grant is not None
    assert (audio.location, grant.parts) == (Location.LOCAL, ())


async def test_a_put_that_lands_after_all_is_swept_and_the_audio_stays(stage: Stage, file: Path) -> None:
    request = stage.wish(ttl=timedelta(hours=20))
    _, grant = await stage.storage.create_upload(request)
    assert grant is not None
    stage.memory.blobs.failure = DOWN
    stored = await stage.storage.store_file(request, file)
    stage.memory.blobs.failure = None
    stage.memory.links.serve("PUT", grant.url, headers=grant.headers, body=SOUND)
    assert places(stage, stored) == {Location.S3, Location.LOCAL}
    assert DueReason.ORPHAN_OBJECT in await swept(stage)
    assert places(stage, stored) == {Location.LOCAL}
    assert (await stage.storage.get_audio(stored.name)).name == stored.name


@pytest.mark.parametrize("collection", ["temp-audio", "recordings"])
async def test_a_deletion_leaves_no_copy_in_either_store(stage: Stage, file: Path, collection: str) -> None:
    fields: dict[str, Any] = {"collection": collection}
    if collection == "recordings":
        fields |= {"key_fields": {"recording_id": "r1"}, "subject": Subject(user_id="u1")}
    request = stage.wish(**fields)
    _, grant = await stage.storage.create_upload(request)
    assert grant is not None
    stage.memory.blobs.failure = DOWN
    stored = await stage.storage.store_file(request, file)
    stage.memory.blobs.failure = None
    stage.memory.links.serve("PUT", grant.url, headers=grant.headers, body=SOUND)
    assert await stage.storage.delete_audio(stored.name)
    assert places(stage, stored) == set()
    await swept(stage)
    assert not stage.memory.catalog.rows


async def test_a_deletion_is_finished_when_the_first_store_answers_again(stage: Stage, file: Path) -> None:
    stage.memory.blobs.failure = DOWN
    stored = await stage.storage.store_file(stage.wish(), file)
    assert await stage.storage.delete_audio(stored.name)
    assert stored.name in stage.memory.catalog.rows
    stage.memory.blobs.failure = None
    await swept(stage)
    assert not stage.memory.catalog.rows


async def test_sixty_seconds_of_outage_lose_nothing(stage: Stage, fallback: Fallback, file: Path) -> None:
    """R17: saves go on, S3 takes over again afterwards, and two sweeps leave what is alive and nothing else."""
    first, names = stage.memory.backend.stores.first.blobs, []
    for second in range(90):
        down = 15 <= second < 75
        stage.memory.blobs.failure = DOWN if down else None
        if second % 5 == 0:  # the watch of readiness
            await asyncio.gather(first.check(), return_exceptions=True)
        names.append((await stage.storage.store_file(stage.wish(ttl=timedelta(hours=20)), file)).name)
        stage.clock.advance(timedelta(seconds=1))
    kept = [await stage.storage.get_audio(name) for name in names]
    assert sum(audio.location is Location.LOCAL for audio in kept) == 60
    assert not fallback.is_active
    assert await swept(stage) == []
    assert all(places(stage, audio) == {audio.location} for audio in kept)


async def test_uploads_to_the_first_store_can_be_switched_off(stage: Stage, fallback: Fallback) -> None:
    """C56: what lies there stays readable."""
    old = await stage.saved()
    forced = Fallback(
        location=Location.LOCAL, now=stage.clock.now, threshold=3, patience=timedelta(seconds=5), forced=True
    )
    fallback.outage = forced.outage
    new = await stage.reserved()
    assert (old.location, new.location) == (Location.S3, Location.LOCAL)
    assert (await stage.storage.get_audio(old.name)).location is Location.S3
    forced.answered()
    assert forced.outage is not None
    assert forced.outage.cause == FORCED
