"""The server behind the links: it starts clearly, bounds what it does, stops in time and keeps secrets."""

from __future__ import annotations

import asyncio
import logging
import socket
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from mayfly_runtime.addresses import CannotListenError, InvalidAddressError, PortInUseError
from mayfly_storage.domain.links import LinkWish
from mayfly_storage.testing import SOUND
from tools.stack.layout import Ports

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from conftest import Disk
    from mayfly_runtime.addresses import ListenError
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing import Subject

    Opening = Callable[..., AbstractAsyncContextManager[Subject]]
    Save = Callable[..., Awaitable[Audio]]
    Heard = Callable[[str], asyncio.Event]

MIB = 1024 * 1024


async def link_to(subject: Subject, audio: Audio) -> httpx.URL:
    wish = LinkWish(audio=audio, expire_time=subject.clock.now() + timedelta(hours=1))
    [signed] = await subject.links.sign_urls([wish])
    return httpx.URL(signed.url)


async def connect(url: httpx.URL, **options: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(url.host, url.port, **options)


def get(url: httpx.URL) -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % url.raw_path


async def test_a_taken_port_is_refused_and_nothing_stays_open(opening: Opening, save: Save) -> None:
    port = Ports.free().links
    address = f"127.0.0.1:{port}"
    with socket.create_server(("127.0.0.1", port)), pytest.raises(PortInUseError, match=address):
        async with opening(links={"listen": address}):
            pytest.fail("it should not start")

    async with opening(links={"listen": address}) as subject:
        await save(subject)


@pytest.mark.parametrize(
    ("listen", "error"),
    [
        ("unix:/tmp/links", InvalidAddressError),
        ("0.0.0.0:0", CannotListenError),
    ],
)
async def test_an_address_that_cannot_be_served_is_refused(
    opening: Opening, listen: str, error: type[ListenError]
) -> None:
    with pytest.raises(error):
        async with opening(links={"listen": listen}):
            pytest.fail("it should not start")


async def test_links_begin_with_the_address_that_clients_know(opening: Opening) -> None:
    async with opening(links={"listen": "0.0.0.0:0"}, link_base_url="https://audio.example/play/") as subject:
        url = str(await link_to(subject, subject.an_audio()))

    assert url.startswith("https://audio.example/play/audio/2026-01-15/")


async def test_one_request_too_many_is_told_to_come_back(opening: Opening, save: Save, http: httpx.AsyncClient) -> None:
    async with opening(links={"max_requests": 2}) as subject:
        large, small = await save(subject, body=b"x" * (24 * MIB)), await save(subject)
        held = [await connect(await link_to(subject, large), limit=1024) for _ in range(2)]
        for reader, writer in held:
            writer.write(get(await link_to(subject, large)))
            await reader.readuntil(b"\r\n\r\n")  # it runs, and stalls when the sockets are full

        refused = await http.get(await link_to(subject, small))
        for _, writer in held:
            writer.transport.abort()

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"]["reason"] == "SERVER_BUSY"


async def test_a_client_that_does_not_say_what_it_wants_is_hung_up_on(opening: Opening, save: Save) -> None:
    async with opening(links={"head_timeout": timedelta(milliseconds=50)}) as subject:
        reader, writer = await connect(await link_to(subject, await save(subject)))

        assert await read_to_end(reader) == b""
        writer.close()


async def test_a_transfer_under_way_ends_before_the_server_does(opening: Opening, save: Save) -> None:
    body = b"x" * (8 * MIB)
    async with opening() as subject:
        url = await link_to(subject, await save(subject, body=body))
        reader, writer = await connect(url, limit=1024)
        writer.write(get(url))
        await reader.readuntil(b"\r\n\r\n")
        rest = asyncio.ensure_future(reader.readexactly(len(body)))

    assert await rest == body
    writer.close()


async def test_a_transfer_that_does_not_end_is_cut_off(opening: Opening, save: Save, disk: Disk) -> None:
    async with asyncio.timeout(20), opening(links={"drain": timedelta(milliseconds=50)}) as subject:
        url = await link_to(subject, await save(subject, body=b"x" * (24 * MIB)))
        reader, writer = await connect(url, limit=1024)
        writer.write(get(url))
        await reader.readuntil(b"\r\n\r\n")
        audio = subject.an_audio()
        await subject.catalog.reserve(audio, None)
        grant = httpx.URL((await subject.links.grant_upload(audio)).url)
        _, uploader = await connect(grant)
        uploader.write(
            b"PUT %s HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: 1028\r\n\r\nRIFF"
            % grant.raw_path
        )
        await uploader.drain()

    assert disk.names("staging") == set()
    writer.close()
    uploader.close()


async def test_a_request_leaves_one_line_in_the_log_without_any_secret(
    embedded: Subject, save: Save, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    audio = await save(embedded)
    url = await link_to(embedded, audio)
    caplog.clear()

    await http.get(url)
    await http.get(str(url).replace("exp=", "exp=1"))
    await http.get(f"http://{url.netloc.decode()}/other?sig=secret")

    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    lines = [(r.audio, r.method, r.status, r.size_bytes) for r in ours if r.getMessage() == "link_request"]  # type: ignore[attr-defined]
    assert [line[:3] for line in lines] == [
        (str(audio.name), "GET", 200),
        (str(audio.name), "GET", 403),
        ("none", "GET", 404),
    ]
    assert lines[0][3] == len(SOUND)
    said = " ".join(str(vars(record)) for record in ours)
    assert "sig=" not in said
    assert "127.0.0.1" not in said


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    """Everything until the server hangs up, in whichever way."""
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionResetError:
        return b""
