"""The HTTP server of storage's links and of the gateway: it starts clearly, bounds what it does and stops in time."""

from __future__ import annotations

import asyncio
import signal
import socket
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from libs.runtime.tests.transport.http_talk import (
    GET,
    HANG_UP,
    HELD,
    ONCE,
    SOON,
    App,
    ask,
    connect,
    read_to_end,
    serve,
    talk,
)
from mayfly_runtime.addresses import CannotListenError, InvalidAddressError, PortInUseError
from mayfly_runtime.http_protocol import ROOM_TO_REFUSE

if TYPE_CHECKING:
    from mayfly_runtime.addresses import ListenError


async def test_a_request_is_answered_at_the_address_that_was_bound(app: App) -> None:
    async with serve(app) as server:
        answer = await talk(server, ONCE)

    assert server.address.port > 0
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\nhello")


async def test_answers_do_not_say_what_serves_them(app: App) -> None:
    async with serve(app) as server:
        answer = await talk(server, ONCE)

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"server:" not in answer.lower()


async def test_a_taken_port_is_refused(app: App) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"

        with pytest.raises(PortInUseError, match=address):
            await serve(app, listen=address).__aenter__()


@pytest.mark.parametrize(
    ("listen", "error", "reason"),
    [
        ("here", InvalidAddressError, "host:port"),
        ("unix:/tmp/links", InvalidAddressError, "host:port"),
        ("127.0.0.1:70000", InvalidAddressError, "host:port"),
        ("192.0.2.1:0", CannotListenError, "does not belong to this machine"),
        ("nowhere.invalid:0", CannotListenError, "the host 'nowhere.invalid' is not known"),
    ],
)
async def test_an_address_that_cannot_be_served_is_refused_with_the_reason(
    app: App, listen: str, error: type[ListenError], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        await serve(app, listen=listen).__aenter__()


async def test_the_processes_signal_handlers_stay_its_own(app: App) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    async with serve(app):
        during = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    assert during == before


async def test_a_connection_too_many_is_told_so_and_served_when_there_is_room(app: App) -> None:
    async with serve(app, max_connections=2) as server:
        held = [await connect(server) for _ in range(2)]
        for reader, writer in held:
            assert (await ask(reader, writer)).startswith(b"HTTP/1.1 200")

        refused = await talk(server, GET)
        for reader, writer in held:
            writer.close()
            await read_to_end(reader)
        served = await talk(server, ONCE)

    assert refused.startswith(b"HTTP/1.1 503")
    assert served.startswith(b"HTTP/1.1 200")


async def test_a_flood_of_connections_is_hung_up_on_and_leaves_those_that_were_there(app: App) -> None:
    async with serve(app, max_connections=2, head_timeout=timedelta(hours=1)) as server:
        connections = [await connect(server) for _ in range(2 + ROOM_TO_REFUSE + 5)]

        assert [await read_to_end(reader) for reader, _ in connections[-5:]] == [b""] * 5
        reader, writer = connections[0]
        writer.write(ONCE)
        assert (await read_to_end(reader)).startswith(b"HTTP/1.1 503")
        for _, writer in connections:
            writer.close()


@pytest.mark.parametrize("beginning", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nX-Slow: "])
async def test_a_client_that_does_not_say_what_it_wants_is_hung_up_on(app: App, beginning: bytes) -> None:
    async with serve(app, head_timeout=SOON) as server:
        assert await talk(server, beginning) == b""


async def test_a_head_that_trickles_in_is_hung_up_on(app: App) -> None:
    async with serve(app, head_timeout=2 * SOON) as server:
        reader, writer = await connect(server)
        writer.write(b"GET / HTTP/1.1\r\n")
        ended = asyncio.ensure_future(read_to_end(reader))
        while not ended.done():
            writer.write(b"X: y\r\n")
            await asyncio.wait([ended], timeout=0.01)
        writer.close()

        assert await ended == b""


async def test_the_patience_for_a_head_ends_with_the_head(app: App) -> None:
    async with serve(app, head_timeout=timedelta(seconds=1)) as server:
        reader, writer = await connect(server)
        answer = asyncio.ensure_future(ask(reader, writer, HELD))
        await app.begun.wait()
        assert await talk(server, b"") == b""  # one that came later, and said nothing, is gone by now
        app.go.set()

        assert (await answer).endswith(b"hello")
        writer.close()


async def test_a_kept_connection_may_ask_again(app: App) -> None:
    async with serve(app) as server:
        reader, writer = await connect(server)

        assert [(await ask(reader, writer))[-5:] for _ in range(3)] == [b"hello"] * 3
        writer.close()


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET\r\n\r\n", b"x" * 70_000])
async def test_nonsense_is_answered_in_http(app: App, nonsense: bytes) -> None:
    async with serve(app) as server:
        assert (await talk(server, nonsense)).startswith(b"HTTP/1.1 400")


async def test_nonsense_behind_an_answer_that_has_begun_is_hung_up_on_without_a_word(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(app) as server:
        reader, writer = await connect(server)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        await reader.readuntil(b"hello")
        writer.write(b"no chunk\r\n")

        assert await read_to_end(reader) == b""
        writer.close()
    assert [record.message for record in caplog.records] == []


async def test_a_head_without_end_is_refused(app: App) -> None:
    async with serve(app) as server:
        answer = await talk(server, b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 100_000)

    assert answer.startswith(b"HTTP/1.1 400")


async def test_a_request_can_hang_up(app: App) -> None:
    async with serve(app) as server:
        assert await talk(server, HANG_UP) == b""
