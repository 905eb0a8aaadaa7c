"""How connections and the HTTP server end: in time, whatever clients do, and with whole answers where it can be."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from libs.runtime.tests.transport.http_talk import (
    HELD,
    LARGE,
    LARGE_ONCE,
    MUCH,
    PATIENCE,
    SOON,
    App,
    ask,
    connect,
    read_to_end,
    serve,
    talk,
)


@pytest.mark.parametrize("request_", [LARGE, LARGE_ONCE])
async def test_an_answer_whose_end_nobody_takes_is_hung_up_on(app: App, request_: bytes) -> None:
    async with serve(app, take_timeout=SOON, drain=timedelta(seconds=3 * PATIENCE)) as server:
        reader, writer = await connect(server)
        writer.write(request_)
        await app.begun.wait()

        async with asyncio.timeout(PATIENCE):
            await server.drain()
        assert len(await read_to_end(reader)) < MUCH
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
