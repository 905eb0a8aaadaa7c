"""The link server before clients who mean no good: smuggling, floods, trickles, tricks with paths, noise."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from mayfly_storage.domain.links import LinkWish
from mayfly_storage.testing import SOUND

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from conftest import Disk
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing import Subject

    Opening = Callable[..., AbstractAsyncContextManager[Subject]]
    Save = Callable[..., Awaitable[Audio]]
    Cases = Callable[[int], range]

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


async def link_to(subject: Subject, audio: Audio) -> httpx.URL:
    [signed] = await subject.links.sign_urls(
        [LinkWish(audio=audio, expire_time=subject.clock.now() + timedelta(hours=1))]
    )
    return httpx.URL(signed.url)


async def grant_for(subject: Subject, audio: Audio) -> httpx.URL:
    await subject.catalog.reserve(audio, None)
    return httpx.URL((await subject.links.grant_upload(audio)).url)


async def talk(url: httpx.URL, *pieces: bytes) -> list[int]:
    """Send bytes as they are; the statuses of all answers until the server hangs up."""
    reader, writer = await asyncio.open_connection(url.host, url.port)
    answer = b""
    try:
        for piece in pieces:
            writer.write(piece)
        async with asyncio.timeout(20):
            while more := await reader.read(65_536):
                answer += more
    except ConnectionError:
        pass
    finally:
        writer.close()
    return [int(status) for status in STATUS.findall(answer)]


@pytest.fixture
async def impatient(opening: Opening) -> AsyncIterator[Subject]:
    """It hangs up on those who say nothing more: soon, and not on a busy machine's slow clients."""
    soon = timedelta(seconds=1)
    async with opening(links={"head_timeout": soon, "idle_timeout": soon, "max_requests": 100}) as subject:
        yield subject


async def assert_it_serves(subject: Subject, save: Save, http: httpx.AsyncClient) -> None:
    answer = await http.get(await link_to(subject, await save(subject)))
    assert (answer.status_code, answer.content) == (200, SOUND)


def put(url: httpx.URL, *headers: bytes, body: bytes = SOUND) -> bytes:
    lines = [b"PUT %s HTTP/1.1" % url.raw_path, b"Host: x", b"Content-Type: audio/wav", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


METHODS = (b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", b"PROPFIND", b"get")
LENGTH = b"Content-Length: %d" % len(SOUND)
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"0\r\n\r\n" + SMUGGLED


AMBIGUOUS = [
    ([LENGTH, b"Transfer-Encoding: chunked"], CHUNKED),
    ([b"Transfer-Encoding: chunked", LENGTH], CHUNKED),
    ([LENGTH, b"Transfer-Encoding: identity, chunked"], CHUNKED),
    ([LENGTH, b"Transfer-Encoding: xchunked"], CHUNKED),
    ([LENGTH, b"Transfer-Encoding:\tchunked"], CHUNKED),
    ([LENGTH, b"Transfer-Encoding : chunked"], CHUNKED),
    ([LENGTH, b" Transfer-Encoding: chunked"], CHUNKED),
    ([LENGTH, b"Content-Length: 5"], SOUND + SMUGGLED),
    ([b"Content-Length: 5, %d" % len(SOUND)], SOUND + SMUGGLED),
    ([b"Content-Length: +%d" % len(SOUND)], SOUND + SMUGGLED),
    ([b"Content-Length: -1"], SOUND + SMUGGLED),
    ([b"Content-Length: 0x404"], SOUND + SMUGGLED),
    ([b"Content-Length: 99999999999999999999999999"], SOUND + SMUGGLED),
    ([b"Content-Length:"], SOUND + SMUGGLED),
    ([b"X: \0", LENGTH], SOUND + SMUGGLED),
    ([b"X\rY: z", LENGTH], SOUND + SMUGGLED),
]


async def test_what_two_servers_could_read_in_two_ways_is_refused_and_ends_the_connection(
    impatient: Subject, disk: Disk
) -> None:
    url = await grant_for(impatient, impatient.an_audio())

    answers = await asyncio.gather(*(talk(url, put(url, *headers, body=body)) for headers, body in AMBIGUOUS))

    assert [case for case, statuses in zip(AMBIGUOUS, answers, strict=True) if not refused_once(statuses)] == []
    assert disk.names("staging") == set()
    assert disk.names("objects") == set()


def refused_once(statuses: list[int]) -> bool:
    return len(statuses) == 1 and 400 <= statuses[0] < 500


async def test_what_follows_a_body_is_a_request_of_its_own(impatient: Subject) -> None:
    url = await grant_for(impatient, impatient.an_audio())

    assert await talk(url, put(url, LENGTH, body=SOUND + SMUGGLED)) == [201, 404]


@pytest.mark.parametrize(
    "path",
    [
        *("/audio/../../etc/passwd", "/audio/%2e%2e/%2e%2e", "/audio/..%2f..%2fetc/passwd", "/audio/%00/%00"),
        *("//audio/x/y", "/audio//x", "/./audio/x/y", "/audio/x/y/", "/AUDIO/x/y", "/audio/x%2fy", "/audio/x;y/z"),
        *("http://elsewhere.example/audio/x/y", "/uploads/%c0%ae%c0%ae/x", "/audio/\\..\\x/y", "/%61udio/x/y", "*"),
        *(
            "/audio/x/y?exp=1&sig=",
            "/audio/x/y?" + "a=1&" * 40,
            "/audio/x/y?exp=%ff&sig=%00",
            "/audio/x/y?sig=%E2%80%AE",
        ),
    ],
)
async def test_no_path_and_no_method_leads_anywhere(embedded: Subject, save: Save, path: str) -> None:
    url = await link_to(embedded, await save(embedded))
    rest = f" {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()

    answers = await asyncio.gather(*(talk(url, method + rest) for method in METHODS))

    assert [method for method, statuses in zip(METHODS, answers, strict=True) if not refused_once(statuses)] == []


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda path: path.replace(b"-", b"%2d"),
        lambda path: path.replace(b"/audio/", b"/audio/./"),
        lambda path: path.replace(b"/audio/", b"//audio/"),
        lambda path: path.replace(b"/audio/", b"/x/../audio/"),
        lambda path: path.replace(b"?", b"/?"),
        lambda path: path.replace(b"?", b"%3f"),
        lambda path: path + b"&exp=9999999999",
        lambda path: path.replace(b"exp=", b"exp=9999999999&exp="),
        lambda path: path.replace(b"&", b";"),
        lambda path: path + b"#x",
        lambda path: path.upper(),
    ],
)
async def test_a_link_that_is_spelled_otherwise_gives_no_more_than_the_link_itself(
    embedded: Subject, save: Save, rewrite: Callable[[bytes], bytes]
) -> None:
    audio = await save(embedded, expire_time=embedded.clock.now() + timedelta(minutes=1))
    url = await link_to(embedded, audio)
    request = b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % rewrite(url.raw_path)

    now = await talk(url, request)
    embedded.clock.advance(timedelta(hours=2))
    later = await talk(url, request)

    assert set(now) <= {200, 400, 403, 404}
    assert set(later) <= {400, 403, 404, 410}


@pytest.mark.parametrize(
    "flood",
    [
        b"".join(b"X-%d: y\r\n" % number for number in range(20_000)),
        b"X: " + b"y" * 1_000_000 + b"\r\n",
        b"Cookie: " + b"a=b; " * 50_000 + b"\r\n",
    ],
)
async def test_a_flood_of_headers_is_cut_off(
    embedded: Subject, save: Save, http: httpx.AsyncClient, flood: bytes
) -> None:
    url = await link_to(embedded, await save(embedded))

    statuses = await talk(url, b"GET %s HTTP/1.1\r\nHost: x\r\n" % url.raw_path, flood, b"\r\n")

    assert set(statuses) <= {400, 431}
    await assert_it_serves(embedded, save, http)


async def test_a_target_without_end_is_cut_off(embedded: Subject, save: Save, http: httpx.AsyncClient) -> None:
    url = await link_to(embedded, await save(embedded))

    assert set(await talk(url, b"GET /" + b"a" * 500_000)) <= {400, 414}
    await assert_it_serves(embedded, save, http)


async def test_an_upload_that_trickles_in_ends_with_the_time_that_a_transfer_has(opening: Opening, disk: Disk) -> None:
    limits = {"transfer_timeout": timedelta(milliseconds=200), "idle_timeout": timedelta(seconds=30)}
    async with opening(links=limits) as subject:
        url = await grant_for(subject, subject.an_audio())
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(put(url, LENGTH, body=b"R"))
        answered = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
        while not answered.done():
            writer.write(b"x")
            await asyncio.wait([answered], timeout=0.01)
        writer.close()

    assert (await answered).startswith(b"HTTP/1.1 408")
    assert disk.names("staging") == set()


async def test_many_slow_uploads_do_not_keep_out_the_next_reader_for_ever(
    opening: Opening, save: Save, http: httpx.AsyncClient
) -> None:
    """As many as there is room for; their time ends, and the room is there again."""
    limits = {"transfer_timeout": timedelta(seconds=1), "max_requests": 4}
    async with opening(links=limits) as subject:
        kept = await link_to(subject, await save(subject))
        held = []
        for _ in range(4):
            url = await grant_for(subject, subject.an_audio())
            reader, writer = await asyncio.open_connection(url.host, url.port)
            writer.write(put(url, LENGTH, body=b"R"))
            held.append((reader, writer))
        for reader, writer in held:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 408")
            writer.close()

        assert (await http.get(kept)).status_code == 200


@pytest.mark.parametrize("spoil", [b"sig=", b"exp="])
async def test_a_refused_upload_whose_body_never_comes_is_hung_up_on(impatient: Subject, spoil: bytes) -> None:
    url = await grant_for(impatient, impatient.an_audio())

    assert await talk(url, put(url, LENGTH, body=b"R").replace(spoil, spoil + b"1", 1)) == [403]


def noise(chance: random.Random, request: bytes) -> bytes:
    """A request with something wrong in it, or no request at all."""
    changed = bytearray(request)
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(changed))
        match chance.randrange(4):
            case 0:
                changed[place] = chance.randrange(256)
            case 1:
                del changed[place : place + chance.randrange(1, 20)]
            case 2:
                changed[place:place] = chance.randbytes(chance.randrange(1, 20))
            case _:
                changed[place:place] = chance.choice([b"\r\n", b"\0", b"\n", b" ", b"%00", b"\r\n\r\n", b":", b"/.."])
        changed = changed or bytearray(b"x")
    return bytes(changed)


async def test_noise_is_never_a_fault(
    impatient: Subject, save: Save, http: httpx.AsyncClient, chance: random.Random, cases: Cases
) -> None:
    url = await link_to(impatient, await save(impatient))
    grant = await grant_for(impatient, impatient.an_audio())
    get = b"GET %s HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\nIf-Range: x\r\n\r\n" % url.raw_path
    for _ in cases(4):
        noises = [noise(chance, chance.choice([get, put(grant, LENGTH)])) for _ in range(50)]
        answers = await asyncio.gather(*(talk(url, each) for each in noises))
        assert [each for each, statuses in zip(noises, answers, strict=True) if max(statuses, default=0) >= 500] == []

    await assert_it_serves(impatient, save, http)
