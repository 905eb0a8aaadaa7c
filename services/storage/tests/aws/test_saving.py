"""A save from end to end over HTTP, and what it costs in requests."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import ContentMismatchError, UploadIncompleteError
from mayfly_storage.testing import SOUND, a_request, facts_of
from mayfly_storage.testing.stage import Stage
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import UploadGrant
    from mayfly_storage.domain.stores import Backend
    from mayfly_storage.usecases.upload import CommitUpload


@pytest.fixture
def commit(backend: Backend, clock: FakeClock) -> CommitUpload:
    return StorageUseCases.over(replace(Stage().world, backend=backend, now=clock.now)).commit_upload


async def put(grant: UploadGrant, body: bytes = SOUND) -> int:
    async with httpx.AsyncClient(timeout=60) as http:
        return (await http.put(grant.url, headers=grant.headers, content=body)).status_code


async def test_what_a_caller_puts_through_its_grant_is_committed_and_played(
    backend: Backend, audio: Audio, commit: CommitUpload
) -> None:
    await backend.catalog.reserve(audio, a_request(audio))

    assert await put(await backend.stores.first.links.grant_upload(audio)) == 200
    ready = await commit(audio.name, audio.attempt)

    blob = await backend.stores.first.blobs.head(audio.object_key)
    assert blob is not None
    assert (ready.state, ready.etag) == (State.READY, blob.etag)
    assert (blob.sha256, blob.attempt) == (audio.sha256, audio.attempt)


async def test_a_save_through_a_grant_costs_storage_two_row_requests_and_one_look_at_the_object(
    backend: Backend, audio: Audio, commit: CommitUpload, wire: Wire
) -> None:
    await backend.catalog.reserve(audio, a_request(audio))
    grant = await backend.stores.first.links.grant_upload(audio)
    assert wire.counts == Counter({"TransactWriteItems": 1})

    await put(grant)
    await commit(audio.name, commit.tickets.issue(audio))

    assert wire.counts == Counter({"TransactWriteItems": 1, "HeadObject": 1, "UpdateItem": 1})


async def test_a_save_by_storage_itself_costs_two_row_requests_and_one_put(
    backend: Backend, audio: Audio, wire: Wire, tmp_path: Path
) -> None:
    path = tmp_path / "body"
    path.write_bytes(SOUND)

    await backend.catalog.reserve(audio, a_request(audio))
    blob = await backend.stores.first.blobs.put_file(audio.object_key, path, facts_of(audio))
    await backend.catalog.make_ready(audio.ready(etag=blob.etag))

    assert wire.counts == Counter({"TransactWriteItems": 1, "PutObject": 1, "UpdateItem": 1})


async def test_a_commit_before_the_put_finds_nothing(backend: Backend, audio: Audio, commit: CommitUpload) -> None:
    await backend.catalog.reserve(audio, None)

    with pytest.raises(UploadIncompleteError):
        await commit(audio.name, audio.attempt)


async def test_a_commit_finds_bytes_that_were_not_announced(
    backend: Backend, audio: Audio, commit: CommitUpload, raw: Clients, options: AwsOptions
) -> None:
    """The store enforces it at the PUT; the commit looks all the same, since not every store does."""
    await backend.catalog.reserve(audio, None)
    metadata = {"attempt": audio.attempt}
    raw.s3.put_object(
        Bucket=options.bucket,
        Key=audio.object_key,
        Body=b"x" * audio.size_bytes,
        Metadata=metadata,
        ChecksumAlgorithm="SHA256",
    )

    with pytest.raises(ContentMismatchError) as refused:
        await commit(audio.name, audio.attempt)

    assert refused.value.field == "sha256"
    assert await backend.stores.first.blobs.head(audio.object_key) is None


async def test_a_put_names_its_checksum_its_attempt_and_that_it_is_the_first(
    backend: Backend, audio: Audio, wire: Wire, tmp_path: Path
) -> None:
    path = tmp_path / "body"
    path.write_bytes(SOUND)

    await backend.stores.first.blobs.put_file(audio.object_key, path, facts_of(audio))

    [request] = wire.requests("PutObject")
    granted = (await backend.stores.first.links.grant_upload(audio)).headers
    sent = {name.lower(): _text(value) for name, value in request.headers.items()}
    assert {name: sent[name.lower()] for name in granted} == granted


async def test_a_file_of_another_size_is_not_sent(backend: Backend, audio: Audio, wire: Wire, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(SOUND + b"more")

    with pytest.raises(ContentMismatchError) as refused:
        await backend.stores.first.blobs.put_file(audio.object_key, path, facts_of(audio))

    assert (refused.value.field, wire.counts) == ("size_bytes", Counter())


async def test_bytes_that_were_damaged_on_their_way_are_refused(
    backend: Backend, audio: Audio, wire: Wire, tmp_path: Path
) -> None:
    path = tmp_path / "body"
    path.write_bytes(SOUND)
    wire.answer("PutObject", 400, "<Error><Code>BadDigest</Code><Message>no</Message></Error>")

    with pytest.raises(ContentMismatchError) as refused:
        await backend.stores.first.blobs.put_file(audio.object_key, path, facts_of(audio))

    assert refused.value.field == "sha256"


async def test_two_writers_at_one_key_are_told_apart_though_their_bytes_are_alike(
    backend: Backend, audio: Audio, tmp_path: Path
) -> None:
    path = tmp_path / "body"
    path.write_bytes(SOUND)
    facts = facts_of(audio)
    await backend.stores.first.blobs.put_file(audio.object_key, path, facts)

    with pytest.raises(ContentMismatchError) as refused:
        await backend.stores.first.blobs.put_file(audio.object_key, path, replace(facts, attempt=uuid.uuid4().hex))

    assert refused.value.field == "attempt"


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
