"""GET and HEAD through links, over real HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from mayfly_storage.link_metrics import offer_traffic
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.linking import link_to

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing import Subject

    Opening = Callable[..., AbstractAsyncContextManager[Subject]]
    Save = Callable[..., Awaitable[Audio]]
    Heard = Callable[[str], asyncio.Event]

HOUR = timedelta(hours=1)
MIB = 1024 * 1024


async def test_a_link_serves_the_audio_and_says_what_it_is(
    embedded: Subject, save: Save, http: httpx.AsyncClient
) -> None:
    audio = await save(embedded, content_type="audio/mpeg", text="Dear Jane", user_id="jane")

    answer = await http.get(await link_to(embedded, audio))

    assert (answer.status_code, answer.content) == (200, SOUND)
    assert {name: value for name, value in answer.headers.items() if name != "date"} == {
        "content-type": "audio/mpeg",
        "content-length": str(len(SOUND)),
        "content-disposition": f'inline; filename="{audio.name.audio_id}.mp3"',
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=3600",
        "etag": f'"{audio.sha256.hex()}"',
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }


async def test_head_says_the_same_without_the_bytes(embedded: Subject, save: Save, http: httpx.AsyncClient) -> None:
    link = await link_to(embedded, await save(embedded))

    got, head = await http.get(link), await http.head(link)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == got.headers


async def test_head_is_about_all_of_it_whatever_the_range(
    embedded: Subject, save: Save, http: httpx.AsyncClient
) -> None:
    head = await http.head(await link_to(embedded, await save(embedded)), headers={"Range": "bytes=0-9"})

    assert (head.status_code, head.headers["content-length"]) == (200, str(len(SOUND)))
    assert "content-range" not in head.headers


async def test_a_large_audio_arrives_whole(embedded: Subject, save: Save, http: httpx.AsyncClient) -> None:
    body = bytes(range(256)) * 20_001

    answer = await http.get(await link_to(embedded, await save(embedded, body=body)))

    assert answer.content == body


@pytest.mark.parametrize(
    ("wanted", "part", "content_range"),
    [
        ("bytes=0-99", slice(0, 100), "bytes 0-99/1028"),
        ("bytes=1000-", slice(1000, 1028), "bytes 1000-1027/1028"),
        ("bytes=-28", slice(1000, 1028), "bytes 1000-1027/1028"),
    ],
)
async def test_a_player_can_jump(
    embedded: Subject, save: Save, http: httpx.AsyncClient, wanted: str, part: slice, content_range: str
) -> None:
    link = await link_to(embedded, await save(embedded))

    answer = await http.get(link, headers={"Range": wanted})

    assert (answer.status_code, answer.content) == (206, SOUND[part])
    assert answer.headers["content-range"] == content_range
    assert answer.headers["content-length"] == str(len(answer.content))


async def test_part_of_something_else_is_not_continued(embedded: Subject, save: Save, http: httpx.AsyncClient) -> None:
    audio = await save(embedded)
    link = await link_to(embedded, audio)

    other = await http.get(link, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    same = await http.get(link, headers={"Range": "bytes=0-9", "If-Range": f'"{audio.sha256.hex()}"'})

    assert (other.status_code, other.content) == (200, SOUND)
    assert (same.status_code, same.content) == (206, SOUND[:10])


@pytest.mark.parametrize(
    ("wanted", "status"), [('"{}"', 206), ('"x", "{}"', 206), ("*", 206), ('"x"', 412), ('W/"{}"', 412), ("", 412)]
)
async def test_a_part_of_what_it_is_not_any_more_is_refused(
    embedded: Subject, save: Save, http: httpx.AsyncClient, wanted: str, status: int
) -> None:
    audio = await save(embedded)
    headers = {"Range": "bytes=0-9", "If-Match": wanted.format(audio.sha256.hex())}

    answer = await http.get(await link_to(embedded, audio), headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize("known", ['"{}"', 'W/"{}"', '"x", "{}"', "*"])
async def test_what_the_client_has_is_not_sent_again(
    embedded: Subject, save: Save, http: httpx.AsyncClient, known: str
) -> None:
    audio = await save(embedded)

    answer = await http.get(await link_to(embedded, audio), headers={"If-None-Match": known.format(audio.sha256.hex())})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["cache-control"] == "private, max-age=3600"


async def test_a_cache_forgets_when_the_link_or_the_audio_ends(
    embedded: Subject, save: Save, http: httpx.AsyncClient
) -> None:
    audio = await save(embedded, expire_time=embedded.clock.now() + timedelta(minutes=10))
    link = await link_to(embedded, audio, ttl=HOUR)
    embedded.clock.advance(timedelta(minutes=4))

    assert (await http.get(link)).headers["cache-control"] == "private, max-age=360"


async def test_pages_of_other_origins_cannot_read_a_link(
    embedded: Subject, save: Save, http: httpx.AsyncClient
) -> None:
    answer = await http.get(await link_to(embedded, await save(embedded)), headers={"Origin": "https://other.example"})

    assert [name for name in answer.headers if name.startswith("access-control")] == []


async def test_what_went_over_links_is_counted_by_method_and_status(
    embedded: Subject, save: Save, http: httpx.AsyncClient
) -> None:
    url = await link_to(embedded, await save(embedded))
    await http.get(url)
    await http.head(url)
    await http.get(url, headers={"Range": "bytes=0-9"})
    await http.request("BREW", url)
    await http.get(url + "0")
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    traffic = embedded.backend.stores.first.traffic
    assert traffic is not None
    offer_traffic(provider.get_meter("test"), traffic)
    data = reader.get_metrics_data()
    assert data is not None
    [metric] = data.resource_metrics[0].scope_metrics[0].metrics
    told = {tuple((p.attributes or {}).values()): getattr(p, "value", 0) for p in metric.data.data_points}
    assert told == {("GET", 200): 1, ("HEAD", 200): 1, ("GET", 206): 1, ("GET", 403): 1, ("other", 405): 1}
    provider.shutdown()


async def test_a_download_is_cut_off_when_the_audio_expires(
    embedded: Subject, save: Save, http: httpx.AsyncClient
) -> None:
    body = b"x" * (24 * MIB)  # more than the sockets between us hold
    audio = await save(embedded, body=body)

    async with http.stream("GET", await link_to(embedded, audio)) as answer:
        pieces = answer.aiter_raw()
        received = len(await anext(pieces))
        embedded.clock.advance(timedelta(days=1))
        with pytest.raises(httpx.HTTPError):
            received += await count(pieces)

    assert received < len(body)


async def test_a_download_is_cut_off_when_nobody_reads(opening: Opening, save: Save, heard: Heard) -> None:
    cut_off = heard("link_cut_off")
    async with opening(links={"idle_timeout": timedelta(milliseconds=50)}) as subject:
        url = httpx.URL(await link_to(subject, await save(subject, body=b"x" * (24 * MIB))))
        reader, writer = await asyncio.open_connection(url.host, url.port, limit=1024)
        writer.write(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % url.raw_path)
        head = await reader.readuntil(b"\r\n\r\n")

        async with asyncio.timeout(20):
            await cut_off.wait()  # nothing more is read until then
        writer.close()

    assert head.startswith(b"HTTP/1.1 200")


async def count(pieces: object) -> int:
    return sum([len(piece) async for piece in pieces])  # type: ignore[attr-defined]
