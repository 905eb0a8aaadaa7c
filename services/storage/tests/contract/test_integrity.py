"""R22: a flipped bit, a missing end or a byte too many: on the way in through every door, and at rest."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import (
    AudioDamagedError,
    AudioNotFoundError,
    ContentMismatchError,
    UploadIncompleteError,
)
from mayfly_storage.domain.ports import BlobTarget
from mayfly_storage.domain.uploads import NewAudio, UploadRequest
from mayfly_storage.testing import facts_of
from mayfly_storage.testing.worlds import a_world
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import UploadGrant
    from mayfly_storage.testing import Subject

DAMAGES = ("flip", "cut", "add", "swap")


@pytest.fixture
def storage(subject: Subject) -> StorageUseCases:
    world = a_world(subject.backend, subject.clock.now)
    return StorageUseCases.over(world)


def damaged(body: bytes, chance: random.Random) -> bytes:
    """Something else, in one of the ways in which bytes go wrong."""
    changed = bytearray(body)
    match chance.choice(DAMAGES):
        case "flip":
            changed[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        case "cut":
            del changed[chance.randrange(len(body)) :]
        case "add":
            changed += chance.randbytes(chance.randrange(1, 9))
        case _:
            changed[:] = chance.randbytes(len(body))
    return bytes(changed)


def a_body(chance: random.Random) -> bytes:
    return b"RIFF" + chance.randbytes(chance.choice([1, 100, 5_000, 70_000]))


async def granted(storage: StorageUseCases, body: bytes) -> tuple[Audio, UploadGrant]:
    audio, grant = await storage.create_upload(request_for(body))
    assert grant is not None
    return audio, grant


def request_for(body: bytes) -> UploadRequest:
    return UploadRequest(
        caller="synth",
        request_id=str(uuid4()),
        audio=NewAudio(collection="temp-audio", content_type="audio/wav"),
        size_bytes=len(body),
        sha256=hashlib.sha256(body).digest(),
    )


async def test_damaged_bytes_never_become_an_audio_through_a_grant(
    subject: Subject, storage: StorageUseCases, chance: random.Random, cases: Callable[[int], range]
) -> None:
    """moto takes whatever comes: the commit has to find it. A store that checks refuses the PUT."""
    for _ in cases(20):
        body = a_body(chance)
        audio, grant = await granted(storage, body)
        wrong = damaged(body, chance)
        await subject.follow("PUT", grant.url, headers={**grant.headers, "Content-Length": str(len(wrong))}, body=wrong)

        # What moto says of an object is what the PUT's headers claimed of it; so its size at least is checked here.
        if subject.backend.name == "aws" and len(wrong) == len(body):
            continue
        with pytest.raises((ContentMismatchError, UploadIncompleteError)):
            await storage.commit_upload(audio.name, grant.attempt)
        with pytest.raises(AudioNotFoundError):
            await storage.get_audio(audio.name)


async def test_bytes_that_the_store_knows_to_be_others_are_found_by_the_commit(
    subject: Subject, storage: StorageUseCases, chance: random.Random, tmp_path: Path, cases: Callable[[int], range]
) -> None:
    """Whoever put them there: the checksum that the store keeps is theirs, and not the announced one."""
    for _ in cases(10):
        body = a_body(chance)
        audio, grant = await granted(storage, body)
        await lay(subject, audio, damaged(body, chance), tmp_path)

        with pytest.raises(ContentMismatchError):
            await storage.commit_upload(audio.name, grant.attempt)


async def test_damaged_bytes_are_not_taken_from_a_file(
    subject: Subject, storage: StorageUseCases, chance: random.Random, tmp_path: Path, cases: Callable[[int], range]
) -> None:
    for _ in cases(20):
        body = a_body(chance)
        (tmp_path / "body").write_bytes(damaged(body, chance))
        if subject.backend.name == "aws" and (tmp_path / "body").stat().st_size == len(body):
            continue  # moto believes the checksum that comes with the PUT; S3 does not
        with pytest.raises(ContentMismatchError):
            await storage.store_file(request_for(body), tmp_path / "body")


async def test_what_the_client_announced_is_what_is_kept(
    subject: Subject, storage: StorageUseCases, chance: random.Random
) -> None:
    body = a_body(chance)
    audio, grant = await granted(storage, body)
    await subject.follow("PUT", grant.url, headers=grant.headers, body=body)

    ready = await storage.commit_upload(audio.name, grant.attempt)

    blob = await subject.head(audio.object_key)
    assert blob is not None
    assert (ready.state, ready.sha256, blob.sha256) == (State.READY, *(hashlib.sha256(body).digest(),) * 2)


async def test_bytes_that_are_damaged_at_rest_are_not_read_as_if_they_were_right(
    subject: Subject, storage: StorageUseCases, chance: random.Random, tmp_path: Path, cases: Callable[[int], range]
) -> None:
    for _ in cases(20):
        body = a_body(chance)
        (tmp_path / "body").write_bytes(body)
        audio = await storage.store_file(request_for(body), tmp_path / "body")
        right = b"".join([chunk async for chunk in storage.read_audio(audio, offset=0, limit=0)])
        wrong = damaged(body, chance)
        await lay(subject, audio, wrong, tmp_path)

        assert right == body
        if wrong[: len(body)] == body:
            continue  # what was appended is never read
        with pytest.raises((AudioDamagedError, AudioNotFoundError)):
            async for _chunk in storage.read_audio(audio, offset=0, limit=0):
                pass


async def lay(subject: Subject, audio: Audio, body: bytes, folder: Path) -> None:
    """Put other bytes where an audio's lie, or will lie, behind storage's back."""
    await subject.blobs.delete_many([BlobTarget(key=audio.object_key)])
    (folder / "body").write_bytes(body)
    facts = replace(facts_of(audio), size_bytes=len(body), sha256=hashlib.sha256(body).digest())
    await subject.blobs.put_file(audio.object_key, folder / "body", facts)
