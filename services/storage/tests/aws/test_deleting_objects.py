"""D2 and D3 at S3: partial failure inside HTTP 200, ETags, and how few requests it takes (R10)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from mayfly_runtime.offload import Offload
from mayfly_storage.backends.aws.clients import AwsCalls, make_clients
from mayfly_storage.backends.aws.features import StoreFeatures
from mayfly_storage.backends.aws.places import ObjectPlaces
from mayfly_storage.backends.aws.testing import open_emulated
from mayfly_storage.domain.ports import BlobTarget, DeleteOutcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import boto3

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.ports import BlobStore
    from mayfly_storage.domain.stores import Backend

DELETED, CHANGED, FAILED = DeleteOutcome.DELETED, DeleteOutcome.CHANGED, DeleteOutcome.FAILED


@pytest.fixture
def blobs(backend: Backend) -> BlobStore:
    return backend.stores.first.blobs


@pytest.fixture
async def trusting(
    options: AwsOptions, session: boto3.Session, wire: Wire, clock: FakeClock
) -> AsyncIterator[BlobStore]:
    """A store that believes S3 to look at ETags, as S3 itself does and moto does not."""
    async with open_emulated(replace(options, features=StoreFeatures()), now=clock.now, session=session) as opened:
        wire.forget()
        yield opened.stores.first.blobs


@pytest.fixture
async def pool() -> AsyncIterator[Offload]:
    offload = Offload(name="test", workers=1, queue=1)
    yield offload
    await offload.shutdown()


def put(raw: Clients, options: AwsOptions, *keys: str) -> dict[str, str]:
    return {key: raw.s3.put_object(Bucket=options.bucket, Key=key, Body=key.encode())["ETag"] for key in keys}


def answer(*, deleted: list[str], errors: dict[str, str]) -> str:
    parts = [f"<Deleted><Key>{key}</Key></Deleted>" for key in deleted]
    parts += [f"<Error><Key>{key}</Key><Code>{code}</Code></Error>" for key, code in errors.items()]
    return f"<DeleteResult>{''.join(parts)}</DeleteResult>"


async def test_a_key_that_failed_inside_a_success_is_not_deleted(
    blobs: BlobStore, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    errors = {"p/1": "InternalError", "p/2": "SlowDown", "p/3": "AccessDenied"}
    wire.answer("DeleteObjects", 200, answer(deleted=["p/0"], errors=errors))

    outcomes = await blobs.delete_many([BlobTarget(key=f"p/{n}") for n in range(4)])

    assert outcomes == [DELETED, FAILED, FAILED, FAILED]
    logged = {record.code: record.count for record in caplog.records if record.message == "s3.delete_failed"}
    assert logged == {"InternalError": 1, "SlowDown": 1, "AccessDenied": 1}


async def test_a_key_that_the_answer_does_not_name_is_not_deleted(blobs: BlobStore, wire: Wire) -> None:
    wire.answer("DeleteObjects", 200, answer(deleted=["p/1"], errors={}))

    assert await blobs.delete_many([BlobTarget(key="p/0"), BlobTarget(key="p/1")]) == [FAILED, DELETED]


async def test_a_failed_deletion_succeeds_when_it_is_repeated(
    blobs: BlobStore, wire: Wire, raw: Clients, options: AwsOptions
) -> None:
    keys = list(put(raw, options, "p/0", "p/1"))
    wire.answer("DeleteObjects", 200, answer(deleted=["p/0"], errors={"p/1": "InternalError"}))
    targets = [BlobTarget(key=key) for key in keys]

    assert await blobs.delete_many(targets) == [DELETED, FAILED]
    assert await blobs.present(keys) == {"p/0", "p/1"}
    assert await blobs.delete_many(targets) == [DELETED, DELETED]
    assert await blobs.present(keys) == set()


async def test_etags_go_with_the_request_where_s3_honours_them(trusting: BlobStore, wire: Wire) -> None:
    errors = {"p/1": "PreconditionFailed", "p/2": "NoSuchKey", "p/3": "ConditionalRequestConflict"}
    wire.answer("DeleteObjects", 200, answer(deleted=["p/0"], errors=errors))

    outcomes = await trusting.delete_many([BlobTarget(key=f"p/{n}", etag=f'"tag-{n}"') for n in range(4)])

    [request] = wire.requests("DeleteObjects")
    sent = re.findall(r"<Key>(.*?)</Key><ETag>(.*?)</ETag>", bytes(request.body).decode())
    assert sent == [("p/0", "tag-0"), ("p/1", "tag-1"), ("p/2", "tag-2"), ("p/3", "tag-3")]
    assert outcomes == [DELETED, CHANGED, DELETED, FAILED]
    assert wire.counts == Counter({"DeleteObjects": 1})


async def test_where_etags_are_not_honoured_they_are_compared_before(
    blobs: BlobStore, wire: Wire, raw: Clients, options: AwsOptions
) -> None:
    etags = put(raw, options, *(f"p/{n:03}" for n in range(100)))
    targets = [BlobTarget(key=key, etag=etag if n % 2 else "stale") for n, (key, etag) in enumerate(etags.items())]

    outcomes = await blobs.delete_many(targets)

    assert outcomes == [DELETED if n % 2 else CHANGED for n in range(100)]
    assert wire.counts == Counter({"ListObjectsV2": 1, "DeleteObjects": 1})
    assert await blobs.present(list(etags)) == set(list(etags)[::2])


async def test_a_thousand_neighbours_are_deleted_and_verified_with_three_requests(
    blobs: BlobStore, wire: Wire, raw: Clients, options: AwsOptions
) -> None:
    keys = [f"temp-audio/2026-01-15/{uuid4()}.wav" for _ in range(1000)]
    put(raw, options, *keys[:20])

    assert await blobs.delete_many([BlobTarget(key=key) for key in keys]) == [DELETED] * 1000
    assert await blobs.present(keys) == set()

    assert wire.counts["DeleteObjects"] == 1
    assert wire.counts["ListObjectsV2"] <= 2
    assert wire.counts.total() <= 3


async def test_looking_for_many_keys_leaps_over_what_lies_between(
    options: AwsOptions, session: boto3.Session, wire: Wire, raw: Clients, pool: Offload
) -> None:
    client = make_clients(options, session=session).s3
    places = ObjectPlaces(client, AwsCalls("S3", pool), bucket=options.bucket, page_size=5)
    raw.s3.create_bucket(Bucket=options.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    live = [f"temp-audio/day/{n:04}.wav" for n in range(120)]
    put(raw, options, *live)
    wanted = [live[0], live[40], live[41], "temp-audio/day/0041.wav.gone", live[80], live[119]]

    found = await places.etags([*wanted, "temp-audio/day/9999.wav", "temp-audio/a-day-before.wav"])
    client.close()

    assert found.keys() == set(wanted) - {"temp-audio/day/0041.wav.gone"}
    # One page for each of the four places that lie far apart, instead of 24 for all that is there.
    assert wire.counts["ListObjectsV2"] == 4


async def test_each_collection_is_looked_through_on_its_own(
    blobs: BlobStore, wire: Wire, raw: Clients, options: AwsOptions
) -> None:
    keys = ["audio/a.wav", "audio/users/u/b.wav", "temp-audio/c.wav", "users/u/d.wav", "top-level.wav"]
    put(raw, options, *keys)

    assert await blobs.present([*keys, "audio/gone", "users/gone"]) == set(keys)

    prefixes = [re.search(r"[?&]prefix=([^&]*)", request.url) for request in wire.requests("ListObjectsV2")]
    assert [match[1] for match in prefixes if match] == ["audio%2F", "temp-audio%2F", "top-level.wav", "users%2F"]


async def test_a_few_keys_are_asked_for_one_by_one(blobs: BlobStore, wire: Wire) -> None:
    assert await blobs.present(["a/1", "b/2"]) == set()

    assert wire.counts == Counter({"HeadObject": 2})
