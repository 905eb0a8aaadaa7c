"""Stores that do less than S3: nothing is claimed of them that they do not do, and the commit does it instead."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from mayfly_storage.backends.aws.features import ALL_FEATURES, NO_FEATURES
from mayfly_storage.backends.aws.probing import probe
from mayfly_storage.backends.aws.testing import EMULATED, emulated_options, open_emulated
from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import ContentMismatchError, UploadIncompleteError
from mayfly_storage.domain.links import Guarantee
from mayfly_storage.testing import SOUND, a_request, an_audio, facts_of
from mayfly_storage.testing.lesser_store import CHECKSUMS, CONDITION, Lessening, lesser_store
from mayfly_storage.testing.stage import Stage
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    import boto3

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.features import StoreFeatures
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import UploadGrant
    from mayfly_storage.domain.stores import Backend
    from mayfly_storage.usecases.upload import CommitUpload

WRONG: Final = SOUND[::-1]
"""As many bytes, and others."""
NO_CHECKSUMS: Final = replace(ALL_FEATURES, checksums=False, conditional_deletes=False)
NEITHER: Final = NO_FEATURES

STORES: Final = [
    pytest.param((Lessening(), NO_CHECKSUMS), id="repeats-checksums-unchecked"),
    pytest.param((Lessening(overlooks=CHECKSUMS), NO_CHECKSUMS), id="overlooks-checksums"),
    pytest.param((Lessening(refuses=CHECKSUMS), NO_CHECKSUMS), id="refuses-checksums"),
    pytest.param((Lessening(refuses=CHECKSUMS | CONDITION), NEITHER), id="refuses-both"),
]
"""What each lacks, and what is said of it. The emulator behind them compares no checksum, but repeats it."""


@pytest.fixture(params=STORES)
def lesser(request: pytest.FixtureRequest, aws_url: str) -> Iterator[AwsOptions]:
    lessening, features = request.param
    with lesser_store(aws_url, lessening) as url:
        yield emulated_options(url, dynamodb_endpoint_url=aws_url, features=features)


@pytest.fixture
def options(lesser: AwsOptions) -> AwsOptions:
    return lesser


@pytest.fixture
async def backend(options: AwsOptions, session: boto3.Session, clock: FakeClock, wire: Wire) -> AsyncIterator[Backend]:
    async with open_emulated(options, now=clock.now, session=session) as opened:
        wire.forget()
        yield opened


@pytest.fixture
def commit(backend: Backend, clock: FakeClock) -> CommitUpload:
    return StorageUseCases.over(replace(Stage().world, backend=backend, now=clock.now)).commit_upload


async def put(grant: UploadGrant, body: bytes = SOUND) -> int:
    async with httpx.AsyncClient(timeout=60) as http:
        return (await http.put(grant.url, headers=grant.headers, content=body)).status_code


async def granted(backend: Backend, audio: Audio) -> UploadGrant:
    await backend.catalog.reserve(audio, a_request(audio))
    return await backend.stores.first.links.grant_upload(audio)


async def test_a_grant_claims_only_what_the_store_does(backend: Backend, audio: Audio, options: AwsOptions) -> None:
    grant = await granted(backend, audio)

    claimed = set(grant.enforced)
    assert claimed >= {Guarantee.SIZE, Guarantee.CONTENT_TYPE}
    assert (Guarantee.CHECKSUM in claimed, "x-amz-checksum-sha256" in grant.headers) == (False, False)
    conditional = options.features.conditional_puts
    assert (Guarantee.WRITE_ONCE in claimed, "If-None-Match" in grant.headers) == (conditional, conditional)


async def test_what_was_announced_is_committed(backend: Backend, audio: Audio, commit: CommitUpload) -> None:
    assert await put(await granted(backend, audio)) == 200

    assert (await commit(audio.name, commit.tickets.issue(audio))).state is State.READY


@pytest.mark.parametrize("with_ticket", [True, False])
async def test_other_bytes_of_the_announced_size_are_refused_and_deleted(
    backend: Backend, audio: Audio, commit: CommitUpload, *, with_ticket: bool
) -> None:
    assert await put(await granted(backend, audio), WRONG) == 200

    with pytest.raises(ContentMismatchError) as refused:
        await commit(audio.name, commit.tickets.issue(audio) if with_ticket else audio.attempt)

    assert (refused.value.field, refused.value.expected) == ("sha256", audio.sha256.hex())
    assert await backend.stores.first.blobs.head(audio.object_key) is None


async def test_the_bytes_are_read_back_a_piece_at_a_time(
    backend: Backend, clock: FakeClock, commit: CommitUpload, wire: Wire
) -> None:
    mib = 1024**2
    body = bytes(range(256)) * 4096 * 9
    audio = an_audio(body=body, create_time=clock.now(), location=backend.stores.primary)
    assert await put(await granted(backend, audio), body) == 200

    await commit(audio.name, commit.tickets.issue(audio))

    pieces = [re.fullmatch(r"bytes=(\d+)-(\d+)", text(each.headers["Range"])) for each in wire.requests("GetObject")]
    spans = [(int(piece[1]), int(piece[2])) for piece in pieces if piece]
    assert [first for first, _ in spans] == [0, 4 * mib, 8 * mib]
    assert {last - first + 1 for first, last in spans} == {4 * mib}


async def test_bytes_that_are_exchanged_while_they_are_read_are_not_committed(
    backend: Backend, audio: Audio, commit: CommitUpload, wire: Wire
) -> None:
    await put(await granted(backend, audio))
    wire.answer("GetObject", 412, "<Error><Code>PreconditionFailed</Code></Error>", times=2)

    with pytest.raises(UploadIncompleteError):
        await commit(audio.name, commit.tickets.issue(audio))

    assert (await commit(audio.name, commit.tickets.issue(audio))).state is State.READY


async def test_what_storage_itself_puts_is_what_was_announced(backend: Backend, audio: Audio, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(WRONG)

    with pytest.raises(ContentMismatchError, match="sha256"):
        await backend.stores.first.blobs.put_file(audio.object_key, path, facts_of(audio))

    assert await backend.stores.first.blobs.head(audio.object_key) is None


async def test_storage_itself_overwrites_nothing(backend: Backend, audio: Audio, tmp_path: Path) -> None:
    blobs = backend.stores.first.blobs
    path = tmp_path / "body"
    path.write_bytes(SOUND)
    first = await blobs.put_file(audio.object_key, path, facts_of(audio))

    again = await blobs.put_file(audio.object_key, path, facts_of(audio))
    with pytest.raises(ContentMismatchError, match="attempt"):
        await blobs.put_file(audio.object_key, path, replace(facts_of(audio), attempt="another"))

    assert (again.etag, again.sha256) == (first.etag, audio.sha256)


async def test_another_attempt_s_bytes_are_not_committed(
    backend: Backend, audio: Audio, commit: CommitUpload, tmp_path: Path
) -> None:
    await backend.catalog.reserve(audio, a_request(audio))
    path = tmp_path / "body"
    path.write_bytes(SOUND)
    await backend.stores.first.blobs.put_file(audio.object_key, path, replace(facts_of(audio), attempt="another"))

    with pytest.raises(ContentMismatchError, match="attempt"):
        await commit(audio.name, commit.tickets.issue(audio))


class TestProbe:
    """What is found by trying. The emulator itself compares no checksum and no ETag of a delete."""

    @pytest.mark.parametrize(
        ("lesser", "found"),
        [
            pytest.param((Lessening(), ALL_FEATURES), EMULATED, id="emulator"),
            pytest.param((Lessening(overlooks=CONDITION), ALL_FEATURES), NEITHER, id="overlooks"),
            pytest.param((Lessening(refuses=CONDITION | CHECKSUMS), ALL_FEATURES), NEITHER, id="refuses"),
        ],
        indirect=["lesser"],
    )
    async def test_finds_what_the_store_does_and_leaves_nothing(
        self, backend: Backend, raw: Clients, options: AwsOptions, found: StoreFeatures
    ) -> None:
        assert probe(raw.s3, options) == found

        assert "Contents" not in raw.s3.list_objects_v2(Bucket=options.bucket)


def text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
