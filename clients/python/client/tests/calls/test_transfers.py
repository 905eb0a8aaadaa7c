"""Transfers over links against a store whose answers are scripted."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_client import (
    DeadlineError,
    LinkEndedError,
    UnavailableError,
    UploadGrant,
    UploadPart,
    open_http,
    open_sync_http,
    put_grant,
    put_grant_sync,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    Put = Callable[..., Awaitable[tuple[str, ...]]]


class Store(ThreadingHTTPServer):
    """Answers each PUT with the next status of its script, and 200 after that."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: list[int] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.by_path: dict[str, list[int]] = {}
        """A script for a path of its own."""
        self.under_way = self.most_under_way = 0
        self.hangs = threading.Event()
        self.released = threading.Event()
        self.meets = threading.Barrier(1)
        """Where PUTs wait for each other; alone, unless a test says so."""
        self._lock = threading.Lock()

    def grant(self, *, parts: tuple[UploadPart, ...] = ()) -> UploadGrant:
        return UploadGrant(
            method="PUT",
            url="" if parts else f"http://127.0.0.1:{self.server_port}/key?sig=deadbeef",
            headers={"Content-Type": "audio/wav", "If-None-Match": "*"},
            expire_time=datetime(2025, 12, 8, tzinfo=UTC),
            attempt="a1",
            enforced=frozenset(),
            parts=parts,
        )

    def part(self, number: int, offset: int, size: int) -> UploadPart:
        url = f"http://127.0.0.1:{self.server_port}/key?part={number}"
        return UploadPart(part_number=number, url=url, headers={}, offset_bytes=offset, size_bytes=size)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """How many PUTs are under way."""
        with self._lock:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            yield
        finally:
            with self._lock:
                self.under_way -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5
    server: Store

    def do_PUT(self) -> None:
        with self.server.counting():
            self.server.headers.append(dict(self.headers))
            self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.meets.wait(10)
            if self.server.hangs.is_set():
                self.server.released.wait(30)
        script = self.server.by_path.get(self.path, self.server.script)
        self.send_response(script.pop(0) if script else 200)
        self.send_header("ETag", f'"{self.path.rpartition("=")[2]}"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as store:
        thread = threading.Thread(target=store.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield store
        store.released.set()
        store.shutdown()
        thread.join()


@pytest.fixture(params=["async", "sync"])
async def put(request: pytest.FixtureRequest) -> AsyncIterator[Put]:
    """Puts through a grant, with either kind of HTTP client."""
    if request.param == "async":
        async with open_http() as http:

            async def with_async(*args: Any, **kwargs: Any) -> tuple[str, ...]:
                return await put_grant(http, *args, **kwargs)

            yield with_async
    else:
        with open_sync_http() as sync_http:

            async def with_sync(*args: Any, **kwargs: Any) -> tuple[str, ...]:
                return await asyncio.to_thread(put_grant_sync, sync_http, *args, **kwargs)

            yield with_sync


async def test_a_store_that_hangs_is_given_up_where_there_is_another_way(put: Put, store: Store) -> None:
    store.hangs.set()

    with pytest.raises(UnavailableError):
        await put(store.grant(), b"RIFF", stall=1)  # by then the store has the bytes

    assert len(store.bodies) == 1


async def test_the_granted_headers_and_the_length_are_sent(put: Put, store: Store) -> None:
    assert await put(store.grant(), b"RIFF") == ()

    (headers,) = store.headers
    assert headers["Content-Type"] == "audio/wav"
    assert headers["If-None-Match"] == "*"
    assert headers["Content-Length"] == "4"
    assert "Transfer-Encoding" not in headers


async def test_a_store_that_is_unwell_is_asked_again_with_the_whole_file(
    put: Put, store: Store, tmp_path: Path
) -> None:
    store.script = [503, 500]
    file = tmp_path / "clip.wav"
    file.write_bytes(bytes(range(256)) * 2_000)

    await put(store.grant(), file)

    assert store.bodies == [file.read_bytes()] * 3


async def test_a_store_that_stays_unwell_is_given_up(put: Put, store: Store) -> None:
    store.script = [503] * 9

    with pytest.raises(UnavailableError, match="HTTP 503") as caught:
        await put(store.grant(), b"RIFF")

    assert len(store.bodies) == 4
    assert "deadbeef" not in str(caught.value)


async def test_what_is_there_already_is_left_to_the_commit(put: Put, store: Store) -> None:
    store.script = [503, 412]

    assert await put(store.grant(), b"RIFF") == ()


async def test_a_refused_grant_is_not_tried_again(put: Put, store: Store) -> None:
    store.script = [403]

    with pytest.raises(LinkEndedError, match="HTTP 403"):
        await put(store.grant(), b"RIFF")

    assert len(store.bodies) == 1


def in_parts(store: Store, count: int, size: int = 1) -> UploadGrant:
    return store.grant(parts=tuple(store.part(number, (number - 1) * size, size) for number in range(1, count + 1)))


async def test_parts_are_put_and_their_etags_answered_in_order(put: Put, store: Store, tmp_path: Path) -> None:
    file, seen = tmp_path / "clip.wav", []
    file.write_bytes(b"0123456789")
    grant = store.grant(parts=(store.part(1, 0, 6), store.part(2, 6, 4)))

    etags = await put(grant, file, progress=lambda *step: seen.append(step))

    assert sorted(store.bodies) == [b"012345", b"6789"]
    assert etags == ('"1"', '"2"')
    assert seen[-1] == (10, 10)
    assert [total for _, total in seen] == [10, 10]


async def test_four_parts_go_side_by_side_and_no_more(put: Put, store: Store) -> None:
    store.meets = threading.Barrier(4)

    etags = await put(in_parts(store, 8), b"01234567")

    assert etags == tuple(f'"{number}"' for number in range(1, 9))
    assert store.most_under_way == 4


async def test_a_part_that_breaks_is_put_again_alone(put: Put, store: Store) -> None:
    store.by_path["/key?part=2"] = [503, 500]

    etags = await put(in_parts(store, 3), b"abc")

    assert etags == ('"1"', '"2"', '"3"')
    assert sorted(store.bodies) == [b"a", b"b", b"b", b"b", b"c"]


async def test_a_part_that_is_refused_ends_the_others(put: Put, store: Store) -> None:
    store.by_path["/key?part=2"] = [403]

    with pytest.raises(LinkEndedError):
        await put(in_parts(store, 1_000), bytes(1_000))

    assert len(store.bodies) < 1_000


async def test_a_stream_is_put_as_it_comes(store: Store) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"RI"
        yield b"FF"

    grant = store.grant()
    grant = UploadGrant(
        method=grant.method,
        url=grant.url,
        headers={"Content-Length": "4"},
        expire_time=grant.expire_time,
        attempt=grant.attempt,
        enforced=grant.enforced,
        parts=(),
    )
    async with open_http() as http:
        assert await put_grant(http, grant, pieces()) == ()

    assert store.bodies == [b"RIFF"]


async def test_a_stream_cannot_be_put_in_parts(store: Store) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"RIFF"

    async with open_http() as http:
        with pytest.raises(ValueError, match="pass bytes or a Path"):
            await put_grant(http, store.grant(parts=(store.part(1, 0, 4),)), pieces())


async def test_a_store_that_hangs_ends_with_the_deadline(put: Put, store: Store) -> None:
    store.hangs.set()

    with pytest.raises(DeadlineError, match=r"upload was not done within 0\.2 s"):
        await put(store.grant(), b"RIFF", timeout=0.2)


async def test_a_store_that_is_not_there(put: Put, store: Store) -> None:
    grant = store.grant()
    store.server_close()

    with pytest.raises(UnavailableError, match=r"http://127\.0\.0\.1:"):
        await put(grant, b"RIFF")
