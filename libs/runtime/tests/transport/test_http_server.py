"""The HTTP server of storage's links and of the gateway: it starts clearly, bounds what it does and stops in time."""

from __future__ import annotations

import asyncio
import signal
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_runtime.addresses import CannotListenError, InvalidAddressError, PortInUseError
from mayfly_runtime.http_protocol import ROOM_TO_REFUSE
from mayfly_runtime.http_server import HttpServer
from mayfly_runtime.server_options import HttpOptions

if TYPE_CHECKING:
    from mayfly_runtime.addresses import ListenError

PATIENCE = 20
SOON = timedelta(milliseconds=50)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ONCE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HELD = b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE_ONCE = b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
MUCH = 32 * 1024 * 1024
"""More than the system takes of an answer that nobody reads."""
HANG_UP = b"GET /hang-up HTTP/1.1\r\nHost: x\r\n\r\n"


class App:
    """Answers, hangs up, or holds its answer back until the test lets it go, as the path says."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/large":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": bytes(MUCH)})
            self.begun.set()
            return
        if scope["path"] == "/hang-up":
            scope["state"]["hang_up"]()
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"he", "more_body": True})
        if scope["path"] == "/held":
            await self._wait()
        await send({"type": "http.response.body", "body": b"llo"})

    async def _wait(self) -> None:
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


@pytest.fixture
def app() -> App:
    return App()


def serve(app: App, **changes: Any) -> HttpServer:
    return HttpServer(app, HttpOptions(**{"listen": "127.0.0.1:0", "max_connections": 10, **changes}))


async def connect(server: HttpServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(server.address.host, server.address.port)


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    """Everything until the server hangs up, in whichever way."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await reader.read()
    except ConnectionResetError:
        return b""


async def talk(server: HttpServer, request: bytes) -> bytes:
    """All that the server answers to bytes, until it hangs up."""
    reader, writer = await connect(server)
    writer.write(request)
    answer = await read_to_end(reader)
    writer.close()
    return answer


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes = GET) -> bytes:
    """One whole answer upon a connection that stays."""
    writer.write(request)
    return await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(5)


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


async def test_a_head_without_end_is_refused(app: App) -> None:
    async with serve(app) as server:
        answer = await talk(server, b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 100_000)

    assert answer.startswith(b"HTTP/1.1 400")


async def test_a_request_can_hang_up(app: App) -> None:
    async with serve(app) as server:
        assert await talk(server, HANG_UP) == b""


@pytest.mark.parametrize("request_", [LARGE, LARGE_ONCE])
async def test_an_answer_whose_end_nobody_takes_is_hung_up_on(app: App, request_: bytes) -> None:
    async with serve(app, take_timeout=SOON, drain=timedelta(seconds=3 * PATIENCE)) as server:
        _, writer = await connect(server)
        writer.write(request_)
        await app.begun.wait()

        async with asyncio.timeout(PATIENCE):
            await server.drain()
        writer.close()


async def test_an_answer_that_is_taken_slowly_is_sent_to_its_end(app: App) -> None:
    async with serve(app) as server:
        answer = await talk(server, LARGE_ONCE)

    assert len(answer) > MUCH


async def test_a_request_that_runs_ends_before_the_server_does(app: App) -> None:
    server = await serve(app).__aenter__()
    reader, writer = await connect(server)
    answer = asyncio.ensure_future(ask(reader, writer, HELD))
    await app.begun.wait()

    draining = asyncio.ensure_future(server.drain())
    await asyncio.sleep(0)
    with pytest.raises(ConnectionError):
        await connect(server)
    app.go.set()

    assert (await answer).endswith(b"hello")
    await draining
    await server.wait_stopped()
    writer.close()


async def test_a_request_that_does_not_end_is_cut_off(app: App) -> None:
    async with serve(app, drain=SOON) as server:
        answer = asyncio.ensure_future(talk(server, HELD))
        await app.begun.wait()

    assert app.cancelled.is_set()
    assert (await answer).endswith(b"\r\n\r\nhe")


async def test_a_drain_that_takes_too_long_can_be_cut_short(app: App) -> None:
    server = await serve(app, drain=timedelta(hours=1)).__aenter__()
    answer = asyncio.ensure_future(talk(server, HELD))
    await app.begun.wait()
    draining = asyncio.ensure_future(server.drain())

    await server.stop_now()
    await draining

    assert app.cancelled.is_set()
    await answer


async def test_idle_and_broken_connections_do_not_hold_the_end_up(app: App) -> None:
    async with serve(app, head_timeout=timedelta(hours=1), drain=timedelta(hours=1)) as server:
        idle, kept, broken = [await connect(server) for _ in range(3)]
        await ask(*kept)
        broken[1].write(b"GET\r\n\r\n")
        await broken[0].readuntil(b"\r\n\r\n")  # refused, and not yet closed by this side

    assert [await read_to_end(reader) for reader, _ in (idle, kept)] == [b"", b""]
    for _, writer in (idle, kept, broken):
        writer.close()
