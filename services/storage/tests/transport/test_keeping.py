"""Download, retain, forget and measure, from the outside."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError
from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_runtime.testing import rpc_error
from mayfly_storage.domain.pricing import Prices
from mayfly_storage.testing import SOUND, FollowLink, LinkResponse
from mayfly_storage.testing.served import Served, serve
from mayfly_storage.testing.stage import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Mapping
    from pathlib import Path

BODY = bytes(range(256)) * 256 * 40
NOWHERE = "audio/2026-01-15/f47ac10b-58cc-4372-a567-0e02b2c3d479"
DAY = timedelta(days=1)


async def refused(call: Awaitable[Any]) -> Any:
    with pytest.raises(AioRpcError) as error:
        await call
    return rpc_error(error)


async def download(served: Served, **request: Any) -> tuple[audio_pb2.Audio, list[bytes]]:
    first, *others = [each async for each in served.storage.DownloadAudio(pb.DownloadAudioRequest(**request))]
    assert all(each.WhichOneof("payload") == "chunk" for each in others)
    return first.audio, [each.chunk for each in others]


async def drained(stream: AsyncIterable[object]) -> int:
    count = 0
    async for _ in stream:
        count += 1
    return count


async def retain(served: Served, name: str, **life: Any) -> audio_pb2.Audio:
    return (await served.storage.RetainAudio(pb.RetainAudioRequest(name=name, **life))).audio


async def usage(served: Served, **request: Any) -> dict[str, tuple[int, int]]:
    answer = await served.storage.GetUsage(pb.GetUsageRequest(**request))
    return {each.collection: (each.objects, each.size_bytes) for each in answer.usage}


async def test_a_download_is_the_audio_and_then_its_bytes(served: Served) -> None:
    saved = await served.saved(BODY)

    audio, chunks = await download(served, name=saved.name)

    assert audio == saved
    assert hashlib.sha256(b"".join(chunks)).digest() == audio.sha256
    assert {len(chunk) for chunk in chunks} == {65_536}


@pytest.mark.parametrize(("offset", "limit"), [(0, 10), (70_000, 0), (1_000_000, 100_000), (len(BODY) + 5, 0)])
async def test_a_part_of_a_download_is_that_part(served: Served, offset: int, limit: int) -> None:
    saved = await served.saved(BODY)

    audio, chunks = await download(served, name=saved.name, offset_bytes=offset, limit_bytes=limit)

    assert audio.size_bytes == len(BODY)
    assert b"".join(chunks) == BODY[offset : offset + (limit or len(BODY))]


async def test_what_is_not_there_is_not_downloaded(served: Served) -> None:
    saved = await served.saved()
    served.clock.advance(DAY)

    for name in (NOWHERE, saved.name):
        error = await refused(download(served, name=name))
        assert (error.code, error.reason, error.metadata) == (StatusCode.NOT_FOUND, "AUDIO_NOT_FOUND", {"name": name})


async def test_a_download_ends_when_the_audio_does(served: Served) -> None:
    """The client takes nothing until the end has come; what was on its way is all that it gets."""
    saved = await served.saved(BODY * 8)
    stream = served.storage.DownloadAudio(pb.DownloadAudioRequest(name=saved.name))
    await anext(aiter(stream))
    served.clock.advance(DAY)

    error = await refused(drained(stream))

    assert error.reason == "AUDIO_NOT_FOUND"


async def test_a_reader_that_goes_away_frees_the_server(served: Served) -> None:
    saved = await served.saved(BODY * 8)
    streams = [served.storage.DownloadAudio(pb.DownloadAudioRequest(name=saved.name)) for _ in range(20)]
    for stream in streams:
        await anext(aiter(stream))
        stream.cancel()

    _, chunks = await download(served, name=saved.name, limit_bytes=5)

    assert chunks == [BODY[:5]]
    assert (await served.storage.DeleteAudio(pb.DeleteAudioRequest(name=saved.name))).deleted


async def test_an_audio_is_kept_longer_and_ended_sooner(served: Served) -> None:
    saved = await served.saved(ttl=timedelta(hours=2))
    now = served.clock.now()

    longer = await retain(served, saved.name, ttl=timedelta(hours=5))
    sooner = await retain(served, saved.name, expire_time=now + timedelta(hours=1))

    assert longer.expire_time.ToDatetime(tzinfo=UTC) == now + timedelta(hours=5)
    assert sooner.expire_time.ToDatetime(tzinfo=UTC) == now + timedelta(hours=1)
    longer.ClearField("expire_time")
    saved.ClearField("expire_time")
    assert longer == saved
    served.clock.advance(timedelta(hours=1))
    assert (await refused(retain(served, saved.name, ttl=DAY))).reason == "AUDIO_NOT_FOUND"


async def test_the_collections_limit_counts_from_the_creation(served: Served) -> None:
    saved = await served.saved(ttl=timedelta(hours=2))
    served.clock.advance(timedelta(hours=1))

    kept = await retain(served, saved.name, ttl=timedelta(days=30))

    assert kept.expire_time.ToDatetime() - kept.create_time.ToDatetime() == DAY


async def test_an_end_in_the_past_names_the_field(served: Served) -> None:
    saved = await served.saved()

    error = await refused(retain(served, saved.name, expire_time=served.clock.now()))

    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [violation.field for violation in error.violations] == ["expire_time"]


async def test_a_person_is_forgotten(served: Served) -> None:
    anna, otto = audio_pb2.Subject(user_id="anna"), audio_pb2.Subject(user_id="otto")
    guest = audio_pb2.Subject(guest_address="203.0.113.7")
    hers = [await served.saved(subject=anna) for _ in range(3)]
    his, theirs = await served.saved(subject=otto), await served.saved(subject=guest)

    first = await served.storage.ForgetSubject(pb.ForgetSubjectRequest(subject=anna))
    again = await served.storage.ForgetSubject(pb.ForgetSubjectRequest(subject=anna))
    other = await served.storage.ForgetSubject(
        # Another spelling of the same address.
        pb.ForgetSubjectRequest(subject=audio_pb2.Subject(guest_address="::ffff:203.0.113.7"))
    )

    assert (sorted(first.deleted_names), first.remaining) == (sorted(audio.name for audio in hers), 0)
    assert (list(again.deleted_names), again.remaining) == ([], 0)
    assert (list(other.deleted_names), other.remaining) == ([theirs.name], 0)
    assert [audio.name for audio in (await served.storage.ListAudio(pb.ListAudioRequest())).audio] == [his.name]


async def test_usage_tells_what_each_collection_holds(served: Served) -> None:
    empty = await usage(served)
    await served.saved()
    kept = await served.saved(BODY, collection="pitches", key_fields={"pitch_id": "p1"})
    await served.storage.CreateUpload(served.create())
    full = await usage(served)
    only = await usage(served, collection="pitches")
    await served.storage.DeleteAudio(pb.DeleteAudioRequest(name=kept.name))

    assert empty == {}
    assert full == {"pitches": (1, len(BODY)), "temp-audio": (1, len(SOUND))}
    assert only == {"pitches": (1, len(BODY))}
    assert await usage(served) == {"temp-audio": (1, len(SOUND))}


async def test_usage_tells_what_a_month_is_made_of(tmp_path: Path) -> None:
    stage = Stage()
    prices = Prices(gb_month=1_000, thousand_puts=5, million_row_writes=1, thousand_sweeps=1)
    async with serve(stage, replace(stage.world, prices=prices), tmp_path, follow=memory_links(stage)) as served:
        await served.saved(BODY)
        answer = await served.storage.GetUsage(pb.GetUsageRequest())

    [found] = answer.usage
    costs = {each.item: each.monthly_cost_micros for each in found.costs}
    place = round(len(BODY) / 2**30 * 1_000 * 1_000_000)
    assert costs == {"storage": place, "writes": 30 * 5_000, "catalog": 30 * 27}
    assert found.monthly_cost_micros == sum(costs.values())
    assert found.object_cost_nanos == pytest.approx(place * 1_000 / 30 + 5_000_000 + 27_000, abs=1_000)
    assert {each.item: each.monthly_cost_micros for each in answer.shared_costs} == {"sweeps": 4_320_000}
    assert answer.monthly_cost_micros == found.monthly_cost_micros + 4_320_000
    assert answer.count_time.ToDatetime(tzinfo=UTC) == stage.clock.now()


def memory_links(stage: Stage) -> FollowLink:
    async def follow(
        method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> LinkResponse:
        return stage.memory.links.serve(method, url, headers=headers, body=body)

    return follow


async def test_usage_of_an_unknown_collection_names_those_that_there_are(served: Served) -> None:
    error = await refused(usage(served, collection="nothing"))

    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "COLLECTION_UNKNOWN")
    assert "temp-audio" in error.metadata["allowed"]
