from __future__ import annotations

import hashlib
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

import grpc
import httpx
import pytest

from mayfly_client.results import LimitedBy, SignedUrl
from mayfly_synth.adapters.debug_copies import StorageDebugCopies
from mayfly_synth.adapters.storage_source import StorageSource
from mayfly_synth.domain.errors import StorageUnavailableError
from mayfly_synth.domain.formats import AudioFormat
from mayfly_synth.domain.processing_errors import InputTooLargeError, SourceNotFoundError
from mayfly_synth.domain.speech import RequestKey
from mayfly_synth.engines.containers import kind_of
from mayfly_synth.testing_processing import SOUND

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mayfly_client import AsyncClient
    from mayfly_client.testing import FakeMayfly

KEY = RequestKey(caller="gateway", request_id=UUID(int=7))


async def read(client: AsyncClient, name: str, *, max_bytes: int = 10**6) -> bytes:
    async with aclosing(StorageSource(client).open(name, max_bytes=max_bytes)) as pieces:
        return b"".join([piece async for piece in pieces])


async def saved(client: AsyncClient) -> str:
    return (await client.save(SOUND, collection="temp-audio", content_type="audio/wav")).name


async def test_a_stored_audio_is_read_through_its_link(client: AsyncClient, mayfly: FakeMayfly) -> None:
    assert await read(client, await saved(client)) == SOUND
    # The right to sign is all that synth needs to read.
    assert "GetAudio" not in [call.method for call in mayfly.calls]


async def test_more_than_is_taken_is_refused_by_what_the_store_says_of_its_size(client: AsyncClient) -> None:
    name = await saved(client)

    with pytest.raises(InputTooLargeError) as refused:
        await read(client, name, max_bytes=1_000)

    assert (refused.value.size_bytes, refused.value.max_size_bytes) == (len(SOUND), 1_000)


async def test_more_than_is_taken_is_refused_also_where_the_store_says_nothing_of_its_size() -> None:
    async def without_an_end() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1_000)

    class Store:
        http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=without_an_end())))

        async def url(self, name: str) -> SignedUrl:
            return SignedUrl(
                name=name, url="http://127.0.0.1/audio", expire_time=datetime.now(UTC), limited_by=LimitedBy.REQUEST
            )

    with pytest.raises(InputTooLargeError) as refused:
        await read(cast("AsyncClient", Store()), "audio/2025-12-08/a", max_bytes=500_000)

    assert 500_000 < refused.value.size_bytes < 600_000


async def test_what_is_gone_is_not_found(client: AsyncClient, mayfly: FakeMayfly) -> None:
    name = await saved(client)
    mayfly.clock.advance(timedelta(hours=25))

    with pytest.raises(SourceNotFoundError):
        await read(client, name)


async def test_what_goes_between_its_link_and_its_bytes_is_not_found(client: AsyncClient, mayfly: FakeMayfly) -> None:
    async with aclosing(
        StorageSource(cast("AsyncClient", _Late(client, mayfly))).open(await saved(client), max_bytes=10**6)
    ) as pieces:
        with pytest.raises(SourceNotFoundError):
            await anext(pieces)


class _Late:
    """The client, with a clock that jumps after the link."""

    def __init__(self, client: AsyncClient, mayfly: FakeMayfly) -> None:
        self._client, self._mayfly = client, mayfly
        self.http = client.http

    async def url(self, name: str) -> object:
        link = await self._client.url(name)
        self._mayfly.clock.advance(timedelta(hours=25))
        return link


async def test_storage_that_does_not_answer_is_unavailable(client: AsyncClient, mayfly: FakeMayfly) -> None:
    name = await saved(client)
    mayfly.refuse("SignUrls", grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", times=9)

    with pytest.raises(StorageUnavailableError):
        await read(client, name)


async def test_a_copy_says_what_it_is_of_and_of_whom_only_a_pseudonym(client: AsyncClient) -> None:
    copies = StorageDebugCopies(client, kind_of=kind_of)

    name = await copies.keep("error-input", SOUND, content_type="", key=KEY, subject="5f2c", error="NothingLeft")

    assert name is not None
    audio = await client.get(name)
    assert (audio.collection, audio.content_type, audio.sha256) == (
        "debug",
        "audio/wav",
        hashlib.sha256(SOUND).digest(),
    )
    assert audio.object_key.rpartition("/")[2].startswith("error-input-")
    assert audio.object_key.endswith(f"-NothingLeft-{KEY.request_id}.wav")
    assert audio.labels == {"subject": "5f2c", "error": "NothingLeft", "caller": "gateway"}
    assert not audio.user_id


async def test_a_copy_of_the_same_request_is_one_copy(client: AsyncClient) -> None:
    copies = StorageDebugCopies(client, kind_of=kind_of)

    first, second = [
        await copies.keep("debug-output", SOUND, content_type="audio/wav", key=KEY, subject="", error="")
        for _ in range(2)
    ]

    assert first == second


@pytest.mark.parametrize("content_type", ["", *sorted({each.content_type for each in AudioFormat})])
async def test_a_copy_is_kept_of_what_nobody_can_read_and_of_every_format(
    client: AsyncClient, content_type: str
) -> None:
    copies = StorageDebugCopies(client, kind_of=kind_of)

    junk = b"neither fish nor fowl"
    name = await copies.keep("error-input", junk, content_type=content_type, key=KEY, subject="", error="X")

    assert name is not None
    assert (await client.get(name)).content_type == (content_type or "application/octet-stream")


async def test_what_fails_again_otherwise_is_another_copy(client: AsyncClient, mayfly: FakeMayfly) -> None:
    copies, names = StorageDebugCopies(client, kind_of=kind_of), set()
    failures = (SOUND[:1_000], "StreamBroken"), (SOUND[:2_000], "StreamBroken"), (SOUND, "TranscriberFailed")

    for data, error in failures:
        names.add(await copies.keep("error-input", data, content_type="", key=KEY, subject="", error=error))
        mayfly.clock.advance(timedelta(seconds=1))

    assert None not in names
    assert len(names) == len(failures)


async def test_a_copy_that_cannot_be_kept_is_logged_and_breaks_nothing(
    client: AsyncClient, mayfly: FakeMayfly, caplog: pytest.LogCaptureFixture
) -> None:
    mayfly.refuse("CreateUpload", grpc.StatusCode.PERMISSION_DENIED, "COLLECTION_FORBIDDEN")
    copies = StorageDebugCopies(client, kind_of=kind_of)

    name = await copies.keep("debug-input", SOUND, content_type="", key=KEY, subject="", error="")

    (warned,) = [record for record in caplog.records if record.message == "debug_copy_failed"]
    assert name is None
    assert warned.__dict__["reason"] == "COLLECTION_FORBIDDEN"
