"""Links that are refused, over real HTTP: with which status and reason, and with nothing of the link in it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from mayfly_storage.domain.ports import BlobTarget
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.linking import link_to

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing import Subject

    Opening = Callable[..., AbstractAsyncContextManager[Subject]]
    Save = Callable[..., Awaitable[Audio]]
    Heard = Callable[[str], asyncio.Event]

HOUR = timedelta(hours=1)


def reason(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()["error"]) == {"reason", "message"}
    return answer.status_code, answer.json()["error"]["reason"]


async def test_a_range_behind_the_end_is_refused_with_the_size(
    embedded: Subject, save: Save, http: httpx.AsyncClient
) -> None:
    answer = await http.get(await link_to(embedded, await save(embedded)), headers={"Range": "bytes=5000-"})

    assert reason(answer) == (416, "RANGE_NOT_SATISFIABLE")
    assert answer.headers["content-range"] == f"bytes */{len(SOUND)}"


async def test_a_link_ends_to_the_second(embedded: Subject, save: Save, http: httpx.AsyncClient) -> None:
    link = await link_to(embedded, await save(embedded), ttl=timedelta(seconds=60))

    embedded.clock.advance(timedelta(seconds=59, microseconds=999_999))
    before = await http.head(link)  # its bytes would be cut off at once
    embedded.clock.advance(timedelta(microseconds=1))
    after = await http.get(link)

    assert before.status_code == 200
    assert reason(after) == (410, "LINK_EXPIRED")


async def test_an_audio_ends_for_links_that_live_longer(embedded: Subject, save: Save, http: httpx.AsyncClient) -> None:
    audio = await save(embedded, expire_time=embedded.clock.now() + timedelta(seconds=60, microseconds=5))
    link = await link_to(embedded, audio, ttl=HOUR)

    embedded.clock.advance(timedelta(seconds=60, microseconds=4))
    before = await http.head(link)  # its bytes would be cut off at once
    embedded.clock.advance(timedelta(microseconds=1))

    assert before.status_code == 200
    assert reason(await http.get(link)) == (410, "AUDIO_GONE")


async def test_a_deleted_audio_is_gone_before_its_bytes_are(
    embedded: Subject, save: Save, http: httpx.AsyncClient
) -> None:
    audio = await save(embedded)
    link = await link_to(embedded, audio)

    [tombstone] = await embedded.catalog.begin_delete([audio], embedded.clock.now())
    deleted = await http.get(link)
    assert tombstone is not None
    await embedded.catalog.remove([tombstone])
    removed = await http.get(link)

    assert reason(deleted) == (410, "AUDIO_GONE")
    assert reason(removed) == (404, "AUDIO_NOT_FOUND")


async def test_an_upload_under_way_cannot_be_read(embedded: Subject, http: httpx.AsyncClient) -> None:
    audio = embedded.an_audio()
    await embedded.catalog.reserve(audio, None)

    assert reason(await http.get(await link_to(embedded, audio))) == (404, "AUDIO_NOT_FOUND")


async def test_a_row_without_its_bytes_is_not_found_and_reported(
    embedded: Subject, save: Save, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    audio = await save(embedded)
    await embedded.blobs.delete_many([BlobTarget(key=audio.object_key)])

    answer = await http.get(await link_to(embedded, audio))

    assert reason(answer) == (404, "AUDIO_NOT_FOUND")
    [report] = [record for record in caplog.records if record.getMessage() == "link_dangling_row"]
    assert report.audio == str(audio.name)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("/audio/", "/uploads/"),
        lambda url: url.replace("exp=", "exp=1"),
        lambda url: url.replace("kid=", "kid=0"),
        lambda url: url.replace("sig=", "sig=A"),
        lambda url: url.split("?")[0],
        lambda url: url + "&att=1",
        lambda url: url.replace("/audio/2026-01-15/", "/audio/2026-01-16/"),
    ],
)
async def test_a_tampered_link_is_refused(
    embedded: Subject, save: Save, http: httpx.AsyncClient, change: Callable[[str], str]
) -> None:
    answer = await http.get(change(await link_to(embedded, await save(embedded))))

    assert reason(answer) in {(403, "LINK_INVALID"), (405, "METHOD_NOT_ALLOWED")}


async def test_a_link_does_not_open_another_audio(embedded: Subject, save: Save, http: httpx.AsyncClient) -> None:
    mine, other = await save(embedded), await save(embedded, body=b"another's")
    link = await link_to(embedded, mine)

    answer = await http.get(link.replace(mine.name.audio_id, other.name.audio_id))

    assert reason(answer) == (403, "LINK_INVALID")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_a_link_allows_reading_only(embedded: Subject, save: Save, http: httpx.AsyncClient, method: str) -> None:
    answer = await http.request(method, await link_to(embedded, await save(embedded)))

    assert reason(answer) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("path", ["/", "/audio", "/audio/x", "/audio/../../etc/passwd", "/audio/a/b/c", "/favicon.ico"])
async def test_other_paths_lead_nowhere(embedded: Subject, save: Save, http: httpx.AsyncClient, path: str) -> None:
    base = httpx.URL(await link_to(embedded, await save(embedded)))

    assert reason(await http.get(f"http://{base.netloc.decode()}{path}")) == (404, "NOT_FOUND")


async def test_a_refusal_does_not_repeat_the_link(embedded: Subject, save: Save, http: httpx.AsyncClient) -> None:
    link = await link_to(embedded, await save(embedded))
    signature = link.split("sig=")[1]

    answer = await http.get(link.replace("exp=", "exp=1"))

    assert signature not in answer.text
    assert signature not in str(answer.headers)
