"""Uploads in parts over real HTTP: signed, completed, aborted and listed as S3 does."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.testing import emulated_options, emulated_session, open_emulated
from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import ContentMismatchError, UploadFencedError
from mayfly_storage.domain.links import Guarantee
from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.retention import DueReason, PurgeOutcome
from mayfly_storage.testing.stage import Stage
from mayfly_storage.testing.sweeping import leaks, sweep
from mayfly_storage.usecases.assembly import RetentionUseCases, StorageUseCases

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.links import UploadGrant
    from mayfly_storage.domain.stores import Backend

MIB = 1024**2
LARGE = hashlib.shake_256(b"large").digest(11 * MIB)
EVERYTHING = Shard(index=0, count=1)


@pytest.fixture
def options(aws_url: str) -> AwsOptions:
    return emulated_options(aws_url, single_put_bytes=6 * MIB, part_bytes=5 * MIB)


class Calls:
    """Storage over the backend."""

    def __init__(self, backend: Backend, clock: FakeClock) -> None:
        self.backend, self.stage = backend, Stage()
        self.world = replace(self.stage.world, backend=backend, now=clock.now)
        self.storage = StorageUseCases.over(self.world)
        self.retention = RetentionUseCases.over(self.world)


@pytest.fixture
def calls(backend: Backend, clock: FakeClock) -> Calls:
    return Calls(backend, clock)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60) as client:
        yield client


async def put(http: httpx.AsyncClient, grant: UploadGrant, body: bytes = LARGE) -> list[str]:
    etags = []
    for part in grant.parts:
        piece = body[part.offset_bytes : part.offset_bytes + part.size_bytes]
        answer = await http.put(part.url, headers=dict(part.headers), content=piece)
        assert answer.is_success
        etags.append(answer.headers["etag"])
    return etags


async def test_a_large_audio_is_put_in_parts_and_read_as_one(
    calls: Calls, http: httpx.AsyncClient, raw: Clients, options: AwsOptions
) -> None:
    audio, grant = await calls.storage.create_upload(calls.stage.wish(LARGE))
    assert grant is not None
    assert [part.size_bytes for part in grant.parts] == [5 * MIB, 5 * MIB, MIB]
    stored = await calls.storage.commit_upload(audio.name, grant.attempt, await put(http, grant))
    assert stored.state is State.READY
    [link] = (await calls.storage.sign_urls([audio.name], ttl=None, attachment=False)).values()
    assert (await http.get(str(getattr(link, "url")))).content == LARGE  # noqa: B009 - an outcome may be an exception
    head = raw.s3.head_object(Bucket=options.bucket, Key=audio.object_key)
    assert head["ContentType"] == "audio/wav"
    assert head["Metadata"]["attempt"] == audio.attempt
    assert head["ETag"].endswith('-3"')


async def test_the_signature_of_a_part_fixes_its_number_its_upload_and_its_length(calls: Calls) -> None:
    _, grant = await calls.storage.create_upload(calls.stage.wish(LARGE))
    assert grant is not None
    for number, part in enumerate(grant.parts, 1):
        query = parse_qs(urlsplit(part.url).query)
        assert query["partNumber"] == [str(number)]
        assert query["X-Amz-SignedHeaders"] == ["content-length;host"]
        assert 1700 <= int(query["X-Amz-Expires"][0]) <= 1800
    assert len({parse_qs(urlsplit(part.url).query)["uploadId"][0] for part in grant.parts}) == 1


async def test_other_parts_are_refused(calls: Calls, http: httpx.AsyncClient) -> None:
    audio, grant = await calls.storage.create_upload(calls.stage.wish(LARGE))
    assert grant is not None
    etags = await put(http, grant)
    with pytest.raises(ContentMismatchError, match="part_etags"):
        await calls.storage.commit_upload(audio.name, grant.attempt, ['"0"', *etags[1:]])
    assert (await calls.storage.commit_upload(audio.name, grant.attempt, etags)).state is State.READY


async def test_fewer_parts_are_refused_and_can_be_mended(
    calls: Calls, http: httpx.AsyncClient, backend: Backend
) -> None:
    audio, grant = await calls.storage.create_upload(calls.stage.wish(LARGE))
    assert grant is not None
    etags = await put(http, grant)
    with pytest.raises(ContentMismatchError, match="part_etags is 2, announced was 3"):
        await calls.storage.commit_upload(audio.name, grant.attempt, etags[:2])
    assert await backend.stores.first.blobs.head(audio.object_key) is None
    assert (await calls.storage.commit_upload(audio.name, grant.attempt, etags)).state is State.READY


async def test_other_bytes_are_another_audio(calls: Calls, http: httpx.AsyncClient, backend: Backend) -> None:
    audio, grant = await calls.storage.create_upload(calls.stage.wish(LARGE))
    assert grant is not None
    etags = await put(http, grant, LARGE[:-1] + b"\0")
    with pytest.raises(ContentMismatchError, match="sha256"):
        await calls.storage.commit_upload(audio.name, grant.attempt, etags)
    assert await backend.stores.first.blobs.head(audio.object_key) is None


async def test_a_completion_that_was_not_answered_is_found_done(
    calls: Calls, http: httpx.AsyncClient, wire: Wire
) -> None:
    audio, grant = await calls.storage.create_upload(calls.stage.wish(LARGE))
    assert grant is not None
    etags = await put(http, grant)
    wire.lose_answer("CompleteMultipartUpload")
    assert (await calls.storage.commit_upload(audio.name, grant.attempt, etags)).state is State.READY


async def test_a_retry_gets_the_same_upload(calls: Calls, wire: Wire) -> None:
    request = calls.stage.wish(LARGE)
    await calls.storage.create_upload(request)
    await calls.storage.create_upload(request)
    assert wire.counts["CreateMultipartUpload"] == 1


async def test_what_is_abandoned_leaves_nothing(
    calls: Calls, http: httpx.AsyncClient, raw: Clients, options: AwsOptions
) -> None:
    audio, grant = await calls.storage.create_upload(calls.stage.wish(LARGE))
    assert grant is not None
    etags = await put(http, grant)
    await calls.storage.abandon_upload(audio.name, grant.attempt)
    assert "Uploads" not in raw.s3.list_multipart_uploads(Bucket=options.bucket)
    with pytest.raises(UploadFencedError):
        await calls.storage.commit_upload(audio.name, grant.attempt, etags)


async def test_what_nobody_ends_is_aborted_with_its_row(
    calls: Calls, http: httpx.AsyncClient, raw: Clients, options: AwsOptions, clock: FakeClock, backend: Backend
) -> None:
    _, grant = await calls.storage.create_upload(calls.stage.wish(LARGE))
    assert grant is not None
    await put(http, replace(grant, parts=grant.parts[:1]))
    clock.advance(timedelta(hours=2))
    await sweep(calls.retention)
    assert "Uploads" not in raw.s3.list_multipart_uploads(Bucket=options.bucket)
    assert await leaks(backend, calls.world.collections) == []


async def test_what_no_row_names_is_found_and_swept(
    calls: Calls, raw: Clients, options: AwsOptions, clock: FakeClock, backend: Backend
) -> None:
    audio, _ = await calls.storage.create_upload(calls.stage.wish(LARGE[:MIB]))
    parts = backend.stores.first.parts
    assert parts is not None
    await parts.begin(audio)
    clock.advance(timedelta(hours=2))
    due = await calls.retention.list_expired(collection="", before=None, shard=EVERYTHING, limit=10, cursor="")
    await calls.retention.purge_audio(due.items)
    # The emulator dates by the real time, in whole seconds: what was begun this second has to count as old.
    timing = replace(calls.world.timing, multipart_lifetime=timedelta(seconds=-5), late_put_bound=timedelta(0))
    timing = replace(timing, multipart_grace=timedelta(seconds=-4))
    eager = RetentionUseCases.over(replace(calls.world, timing=timing))
    items, cursor = [], ""
    while True:
        page = await eager.list_orphans(collection="", shard=EVERYTHING, limit=10, cursor=cursor)
        items += page.items
        if not (cursor := page.cursor):
            break
    [item] = items
    assert item.reason is DueReason.ORPHAN_MULTIPART
    assert not (await eager.verify_gone([item]))[0].object_gone
    [done] = await eager.purge_audio([item])
    assert done.outcome is PurgeOutcome.DELETED
    assert (await eager.verify_gone([item]))[0].object_gone
    assert "Uploads" not in raw.s3.list_multipart_uploads(Bucket=options.bucket)
    assert await leaks(backend, calls.world.collections) == []


async def test_only_where_one_put_does_not_do(calls: Calls, wire: Wire) -> None:
    _, grant = await calls.storage.create_upload(calls.stage.wish(LARGE[: 6 * MIB]))
    assert grant is not None
    assert (grant.parts, wire.counts["CreateMultipartUpload"]) == ((), 0)


async def test_encryption_is_asked_for_at_the_beginning(
    aws_url: str, clock: FakeClock, http: httpx.AsyncClient
) -> None:
    options = emulated_options(aws_url, single_put_bytes=6 * MIB, part_bytes=5 * MIB, encryption="AES256")
    async with open_emulated(options, now=clock.now, session=emulated_session()) as backend:
        calls = Calls(backend, clock)
        audio, grant = await calls.storage.create_upload(calls.stage.wish(LARGE))
        assert grant is not None
        assert (await calls.storage.commit_upload(audio.name, grant.attempt, await put(http, grant))).size_bytes


async def test_storage_puts_a_large_file_in_parts_itself(
    calls: Calls, tmp_path: Path, raw: Clients, options: AwsOptions, wire: Wire
) -> None:
    path = tmp_path / "large.wav"
    path.write_bytes(LARGE)
    stored = await calls.storage.store_file(calls.stage.wish(LARGE), path)
    head = raw.s3.head_object(Bucket=options.bucket, Key=stored.object_key)
    assert (stored.state, head["Metadata"]["attempt"]) == (State.READY, stored.attempt)
    assert head["ETag"].endswith('-3"')
    assert raw.s3.get_object(Bucket=options.bucket, Key=stored.object_key)["Body"].read() == LARGE
    assert wire.counts["UploadPart"] == 3


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "HeadObject"])
async def test_no_lost_answer_keeps_storage_from_storing_a_large_file(
    calls: Calls, tmp_path: Path, wire: Wire, operation: str
) -> None:
    path = tmp_path / "large.wav"
    path.write_bytes(LARGE)
    wire.lose_answer(operation)
    assert (await calls.storage.store_file(calls.stage.wish(LARGE), path)).state is State.READY


async def test_a_file_that_was_exchanged_leaves_nothing(
    calls: Calls, tmp_path: Path, raw: Clients, options: AwsOptions
) -> None:
    path = tmp_path / "large.wav"
    path.write_bytes(LARGE[::-1])
    with pytest.raises(ContentMismatchError, match="sha256"):
        await calls.storage.store_file(calls.stage.wish(LARGE), path)
    assert "Uploads" not in raw.s3.list_multipart_uploads(Bucket=options.bucket)
    assert "Contents" not in raw.s3.list_objects_v2(Bucket=options.bucket)


async def test_a_store_that_overwrites_by_completing_is_looked_at_before(
    aws_url: str, clock: FakeClock, http: httpx.AsyncClient
) -> None:
    features = replace(emulated_options(aws_url).features, conditional_completes=False)
    options = emulated_options(aws_url, single_put_bytes=6 * MIB, part_bytes=5 * MIB, features=features)
    async with open_emulated(options, now=clock.now, session=emulated_session()) as backend:
        calls = Calls(backend, clock)
        audio, grant = await calls.storage.create_upload(calls.stage.wish(LARGE))
        assert grant is not None
        assert Guarantee.WRITE_ONCE not in grant.enforced
        etags = await put(http, grant)
        make_clients(options, session=emulated_session()).s3.put_object(
            Bucket=options.bucket, Key=audio.object_key, Body=b"others'"
        )
        with pytest.raises(ContentMismatchError):
            await calls.storage.commit_upload(audio.name, grant.attempt, etags)
