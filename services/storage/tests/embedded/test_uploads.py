"""PUT through grants, over real HTTP: exactly the announced bytes, once, in time."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from mayfly_storage.testing import SOUND

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from conftest import Disk
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import UploadGrant
    from mayfly_storage.testing import Subject

    Opening = Callable[..., AbstractAsyncContextManager[Subject]]
    Save = Callable[..., Awaitable[Audio]]
    Heard = Callable[[str], asyncio.Event]

MIB = 1024 * 1024


async def granted(subject: Subject, **overrides: object) -> tuple[Audio, UploadGrant]:
    audio = subject.an_audio(**overrides)
    await subject.catalog.reserve(audio, None)
    return audio, await subject.links.grant_upload(audio)


async def put(http: httpx.AsyncClient, grant: UploadGrant, body: bytes = SOUND, **headers: str) -> httpx.Response:
    return await http.put(grant.url, content=body, headers={**grant.headers, **headers})


def reason(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["reason"]


async def test_a_grant_stores_the_announced_bytes(embedded: Subject, http: httpx.AsyncClient, disk: Disk) -> None:
    audio, grant = await granted(embedded)

    answer = await put(http, grant)

    blob = await embedded.blobs.head(audio.object_key)
    assert answer.status_code == 201
    assert blob is not None
    assert answer.headers["etag"] == f'"{blob.etag}"'
    assert blob.sha256 == audio.sha256
    assert disk.names("staging") == set()


async def test_a_large_body_is_stored_as_it_arrives(embedded: Subject, http: httpx.AsyncClient) -> None:
    body = bytes(range(256)) * 20_001
    audio, grant = await granted(embedded, body=body)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100_003):
            yield body[start : start + 100_003]

    answer = await http.put(grant.url, content=pieces(), headers=grant.headers)

    blob = await embedded.blobs.head(audio.object_key)
    assert answer.status_code == 201
    assert blob is not None
    assert blob.sha256 == hashlib.sha256(body).digest()


async def test_a_repeated_put_of_the_same_bytes_is_recognised(embedded: Subject, http: httpx.AsyncClient) -> None:
    _, grant = await granted(embedded)

    answers = [await put(http, grant) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert len({answer.headers["etag"] for answer in answers}) == 1


async def test_racing_puts_of_one_grant_store_once(embedded: Subject, http: httpx.AsyncClient, disk: Disk) -> None:
    audio, grant = await granted(embedded)

    answers = await asyncio.gather(*(put(http, grant) for _ in range(8)))

    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.headers["etag"] for answer in answers}) == 1
    assert await embedded.blobs.present([audio.object_key]) == {audio.object_key}
    assert disk.names("staging") == set()


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (SOUND + b"!", {"Content-Length": "1029"}, (413, "CONTENT_MISMATCH")),
        (SOUND[:-1], {"Content-Length": "1027"}, (400, "CONTENT_MISMATCH")),
        (b"", {"Content-Length": "0"}, (400, "CONTENT_MISMATCH")),
        (SOUND[:-1] + b"!", {}, (400, "CONTENT_MISMATCH")),
        (SOUND, {"Content-Type": "text/html"}, (400, "CONTENT_MISMATCH")),
        (SOUND, {"Content-Type": ""}, (400, "CONTENT_MISMATCH")),
    ],
    ids=["too many", "too few", "none", "other bytes", "other type", "no type"],
)
async def test_anything_but_the_announced_bytes_is_refused_and_leaves_nothing(
    embedded: Subject,
    http: httpx.AsyncClient,
    disk: Disk,
    body: bytes,
    headers: dict[str, str],
    expected: tuple[int, str],
) -> None:
    audio, grant = await granted(embedded)

    answer = await put(http, grant, body, **headers)

    assert reason(answer) == expected
    assert await embedded.blobs.head(audio.object_key) is None
    assert disk.names("staging") == set()


async def test_a_body_of_unknown_length_is_refused(embedded: Subject, http: httpx.AsyncClient) -> None:
    _, grant = await granted(embedded)

    async def chunked() -> AsyncIterator[bytes]:
        yield SOUND

    answer = await http.put(grant.url, content=chunked(), headers={"Content-Type": "audio/wav"})

    assert reason(answer) == (411, "CONTENT_LENGTH_REQUIRED")


async def test_other_bytes_at_the_key_are_never_overwritten(
    embedded: Subject, save: Save, http: httpx.AsyncClient
) -> None:
    theirs = await save(embedded, body=b"t" * len(SOUND))
    _, grant = await granted(embedded, object_key=theirs.object_key)

    answer = await put(http, grant)

    blob = await embedded.blobs.head(theirs.object_key)
    assert reason(answer) == (412, "OBJECT_KEY_TAKEN")
    assert blob is not None
    assert blob.etag == theirs.etag


async def test_a_grant_ends_at_its_deadline(embedded: Subject, http: httpx.AsyncClient) -> None:
    audio, grant = await granted(embedded)
    embedded.clock.advance(timedelta(minutes=2))

    assert reason(await put(http, grant)) == (410, "LINK_EXPIRED")
    assert await embedded.blobs.head(audio.object_key) is None


async def test_a_committed_upload_takes_no_more_bytes(embedded: Subject, http: httpx.AsyncClient) -> None:
    audio, grant = await granted(embedded)
    answer = await put(http, grant)
    await embedded.catalog.make_ready(audio.ready(etag=answer.headers["etag"].strip('"')))

    assert reason(await put(http, grant)) == (409, "UPLOAD_FENCED")


async def test_an_abandoned_upload_takes_no_bytes(embedded: Subject, http: httpx.AsyncClient) -> None:
    audio, grant = await granted(embedded)
    [tombstone] = await embedded.catalog.begin_delete([audio], embedded.clock.now())
    abandoned = await put(http, grant)
    assert tombstone is not None
    await embedded.catalog.remove([tombstone])
    removed = await put(http, grant)

    assert reason(abandoned) == (410, "AUDIO_GONE")
    assert reason(removed) == (404, "AUDIO_NOT_FOUND")
    assert await embedded.blobs.head(audio.object_key) is None


async def test_another_attempts_grant_takes_no_bytes(embedded: Subject, http: httpx.AsyncClient) -> None:
    audio = embedded.an_audio()
    await embedded.catalog.reserve(audio, None)
    forged = embedded.an_audio(name=audio.name, attempt="another")

    assert reason(await put(http, await embedded.links.grant_upload(forged))) == (409, "UPLOAD_FENCED")


async def test_an_upload_that_is_abandoned_during_the_put_stores_nothing(
    embedded: Subject, http: httpx.AsyncClient, disk: Disk
) -> None:
    audio, grant = await granted(embedded)

    async def body() -> AsyncIterator[bytes]:
        yield SOUND[:100]
        await embedded.catalog.begin_delete([audio], embedded.clock.now())
        yield SOUND[100:]

    answer = await http.put(grant.url, content=body(), headers=grant.headers)

    assert reason(answer) == (410, "AUDIO_GONE")
    assert disk.names("objects") == disk.names("staging") == set()


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("size=1028", "size=2048"),
        lambda url: url.replace("type=audio%2Fwav", "type=text%2Fhtml"),
        lambda url: url.replace("attempt=", "attempt=x"),
        lambda url: url.replace("exp=", "exp=9"),
        lambda url: url.replace("sha256=", "sha256=0"),
        lambda url: url.replace("/uploads/2026-01-15/", "/uploads/2026-01-16/"),
        lambda url: url.split("&sig=")[0],
        lambda url: url.split("?")[0],
    ],
    ids=["size", "type", "attempt", "end", "checksum", "name", "no signature", "nothing"],
)
async def test_a_tampered_grant_is_refused(
    embedded: Subject, http: httpx.AsyncClient, disk: Disk, change: Callable[[str], str]
) -> None:
    _, grant = await granted(embedded)

    answer = await http.put(change(grant.url), content=SOUND, headers=grant.headers)

    assert reason(answer) == (403, "LINK_INVALID")
    assert disk.names("objects") == disk.names("staging") == set()


async def test_a_grant_does_not_open_another_upload(embedded: Subject, http: httpx.AsyncClient) -> None:
    (mine, grant), (other, _) = await granted(embedded), await granted(embedded)

    answer = await http.put(
        grant.url.replace(mine.name.audio_id, other.name.audio_id), content=SOUND, headers=grant.headers
    )

    assert reason(answer) == (403, "LINK_INVALID")


async def test_a_grant_is_no_link_and_a_link_is_no_grant(embedded: Subject, http: httpx.AsyncClient) -> None:
    _, grant = await granted(embedded)

    assert reason(await http.get(grant.url)) == (405, "METHOD_NOT_ALLOWED")
    assert reason(await http.get(grant.url.replace("/uploads/", "/audio/"))) == (403, "LINK_INVALID")


async def test_a_client_that_hangs_up_leaves_nothing(embedded: Subject, disk: Disk, heard: Heard) -> None:
    answered = heard("link_request")
    body = b"x" * MIB
    audio, grant = await granted(embedded, body=body)
    url = httpx.URL(grant.url)
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        b"PUT %s HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: %d\r\n\r\n" % (url.raw_path, MIB)
    )
    writer.write(body[: MIB // 2])
    await writer.drain()

    writer.close()
    await answered.wait()

    assert await embedded.blobs.head(audio.object_key) is None
    assert disk.names("staging") == set()


async def test_a_client_that_stalls_is_told_and_leaves_nothing(opening: Opening, disk: Disk) -> None:
    async with opening(links={"idle_timeout": timedelta(milliseconds=50)}) as subject:
        _, grant = await granted(subject)
        url = httpx.URL(grant.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(
            b"PUT %s HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: 1028\r\n\r\nRIFF" % url.raw_path
        )
        answer = await reader.readuntil(b"}}")
        writer.close()

        assert answer.startswith(b"HTTP/1.1 408")
        assert b"TOO_SLOW" in answer
        assert disk.names("staging") == set()
