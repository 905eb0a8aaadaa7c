"""R12: at any moment around its end, an audio is readable on every path before, and on none from then on."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from grpc.aio import AioRpcError
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_storage.testing import DAWN, SOUND

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from mayfly_storage.testing.served import Served

END = DAWN + timedelta(hours=3, microseconds=400_000)
"""Not a whole second: links know no others, and must end before it."""
MICROSECOND = timedelta(microseconds=1)


def moments(chance: random.Random, count: int) -> list[datetime]:
    """Within a second of the end, many of them within some microseconds; in order, for clocks do not go back."""
    near = [END + chance.randint(-3, 3) * MICROSECOND for _ in range(count // 4)]
    far = [END + chance.randint(-1_000_000, 1_000_000) * MICROSECOND for _ in range(count - len(near))]
    last_of_link = [END.replace(microsecond=0) - microseconds * MICROSECOND for microseconds in (1, 500, 5_000)]
    return sorted([END - MICROSECOND, END, *last_of_link, *near, *far])


async def by_rpc(reading: Awaitable[object]) -> bool:
    """Whether it could be read; NOT_FOUND is the only other answer."""
    try:
        await reading
    except AioRpcError as error:
        assert error.code() is StatusCode.NOT_FOUND  # noqa: PT017 - one of two ends
        return False
    return True


async def download(served: Served, name: str) -> None:
    answers = [answer async for answer in served.storage.DownloadAudio(pb.DownloadAudioRequest(name=name))]
    assert b"".join(answer.chunk for answer in answers) == SOUND


async def is_listed(served: Served, name: str) -> bool:
    listed = await served.storage.ListAudio(pb.ListAudioRequest(date=name.split("/")[1]))
    return name in {audio.name for audio in listed.audio}


async def followed(served: Served, url: str) -> int | None:
    """The status of a link; None if its answer was cut off."""
    try:
        return (await served.follow("GET", url, headers={"Range": "bytes=0-0"})).status
    except httpx.RemoteProtocolError:
        return None


async def test_nothing_is_readable_from_its_end_on_and_everything_before(
    served: Served, chance: random.Random, cases: Callable[[int], range]
) -> None:
    end = Timestamp()
    end.FromDatetime(END)
    name = (await served.saved(expire_time=end)).name
    link = await signed(served, name)
    assert link is not None
    link_end = link.url_expire_time.ToDatetime(END.tzinfo)
    assert END - timedelta(seconds=1) < link_end <= END
    wrong = []
    for moment in moments(chance, len(cases(200))):
        served.clock.advance(moment - served.clock.now())
        readable = moment < END
        answers = {
            "get": await by_rpc(served.storage.GetAudio(pb.GetAudioRequest(name=name))),
            "list": await is_listed(served, name),
            "download": await by_rpc(download(served, name)),
        }
        wrong += [(moment, path) for path, answer in answers.items() if answer is not readable]
        begun = time.monotonic()
        status = await followed(served, link.url)
        # Its clock stands still here, but what is on its way when the rest of its life is over is cut off all the same.
        was_late = status is None and 0 < (link_end - moment).total_seconds() <= time.monotonic() - begun
        if (status in {200, 206}) is not (moment < link_end) and not was_late:
            wrong.append((moment, f"link: {status}"))
        fresh = await signed(served, name)
        if fresh is not None and not moment < fresh.url_expire_time.ToDatetime(END.tzinfo) <= END:
            wrong.append((moment, "a new link"))
        if fresh is not None and not readable:
            wrong.append((moment, "a link to what has ended"))

    assert wrong == []


async def test_an_end_that_is_moved_moves_on_every_path(served: Served) -> None:
    name = (await served.saved()).name
    await served.storage.RetainAudio(pb.RetainAudioRequest(name=name, ttl={"seconds": 60}))

    served.clock.advance(timedelta(seconds=60))

    assert not await by_rpc(served.storage.GetAudio(pb.GetAudioRequest(name=name)))
    assert not await by_rpc(download(served, name))
    assert not await is_listed(served, name)
    assert await signed(served, name) is None


async def test_a_stream_that_runs_over_the_end_stops_there(served: Served) -> None:
    """The first piece is in the caller's hands when the end comes."""
    body = bytes(range(256)) * 20_000
    end = Timestamp()
    end.FromDatetime(END)
    name = (await served.saved(body, expire_time=end)).name
    call = served.storage.DownloadAudio(pb.DownloadAudioRequest(name=name))
    answers = aiter(call)
    await anext(answers)
    served.clock.advance(END - served.clock.now())

    with pytest.raises(AioRpcError) as stopped:
        [_ async for _ in answers]

    assert stopped.value.code() is StatusCode.NOT_FOUND


async def signed(served: Served, name: str) -> pb.SignedUrl | None:
    [result] = (await served.storage.SignUrls(pb.SignUrlsRequest(names=[name], ttl={"seconds": 86_400}))).results
    return result.signed_url if result.WhichOneof("outcome") == "signed_url" else None
