"""The gateway before the real services: what browsers, apps and OpenAI's SDK meet, over both backends."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest

from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Stack

TEXT = "Hello there. This is the second sentence."
MAGIC = {"mp3": (b"ID3", b"\xff"), "opus": (b"OggS",), "aac": (b"\x00\x00\x00",), "flac": (b"fLaC",), "wav": (b"RIFF",)}


@pytest.fixture
async def browser(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A guest's browser at the gateway of each set in turn."""
    async with httpx.AsyncClient(base_url=f"http://{stack.address('gateway')}", timeout=PATIENCE) as client:
        yield client


@pytest.fixture
async def here(embedded: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """The same at the embedded set alone."""
    async with httpx.AsyncClient(base_url=f"http://{embedded.address('gateway')}", timeout=PATIENCE) as client:
        yield client


async def spoken(browser: httpx.AsyncClient, **order: Any) -> list[dict[str, Any]]:
    answer = await browser.post("/api/page/speech", json={"text": TEXT, **order})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_words_come_with_the_sound_and_fit_into_it(browser: httpx.AsyncClient) -> None:
    told = await spoken(browser)

    audio = told[-1]["audio"]
    words = audio["words"]
    assert [word["text"] for word in words] == TEXT.replace(".", "").split()
    assert all(one["start"] < one["end"] <= other["start"] for one, other in pairwise(words))
    assert words[-1]["end"] <= audio["duration"]
    assert max(audio["peaks"]) > 0.1


async def test_the_first_sentence_is_on_its_way_before_the_last_is_made(here: httpx.AsyncClient) -> None:
    told = await spoken(here)

    kinds = [one["type"] for one in told]
    assert kinds.index("words") < len(kinds) - 1 - kinds[::-1].index("audio")


async def test_ranges_heads_and_etags_work_through_a_stable_link(browser: httpx.AsyncClient) -> None:
    audio = (await spoken(browser))[-1]["audio"]

    async def ask(method: str, **headers: str) -> httpx.Response:
        return await browser.request(method, audio["link"], headers=headers, follow_redirects=True)

    whole = await ask("GET")
    part = await ask("GET", Range="bytes=0-1")
    head = await ask("HEAD")
    known = await ask("GET", **{"If-None-Match": whole.headers["etag"]})

    assert (whole.status_code, len(whole.content)) == (200, audio["size_bytes"])
    assert (part.status_code, part.content) == (206, whole.content[:2])
    assert part.headers["content-range"] == f"bytes 0-1/{audio['size_bytes']}"
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == audio["size_bytes"]
    assert known.status_code == 304


async def test_a_deleted_audio_is_gone_at_once_and_waits_for_its_certificate(browser: httpx.AsyncClient) -> None:
    audio = (await spoken(browser))[-1]["audio"]
    path = f"/api/page/audios/{audio['token']}"

    deletion = (await browser.delete(path)).json()
    link, receipt = await browser.get(audio["link"]), (await browser.get(f"{path}/receipt")).json()

    assert (deletion["deleted"], link.status_code) == (True, 410)
    # New audio is certified by the first sweep half an hour after its upload.
    assert receipt["state"] == deletion["state"] == "awaits_certificate"


@pytest.mark.parametrize("kind", ["mp3", "opus", "aac", "flac"])
async def test_a_download_comes_in_each_format(here: httpx.AsyncClient, kind: str) -> None:
    audio = (await spoken(here))[-1]["audio"]

    file = await here.get(f"/api/page/audios/{audio['token']}/file?format={kind}", follow_redirects=True)

    assert file.content.startswith(MAGIC[kind])
    assert file.headers["content-disposition"].startswith("attachment")


async def test_segments_of_a_session_play_for_another_service(browser: httpx.AsyncClient, stack: Stack) -> None:
    answer = await browser.post(
        "/api/v1/tts/generate", json={"text": TEXT, "use_s3": True, "presigned_url_expiry": 7_200}
    )

    told = answer.json()
    async with httpx.AsyncClient(timeout=PATIENCE) as other:
        fetched = [await other.get(segment["presigned_url"]) for segment in told["audio_segments"]]
    assert [file.content[:4] for file in fetched] == [b"RIFF"] * 2
    is_s3 = stack.layout.ports.moto == httpx.URL(told["first_audio_url"]).port
    assert told["storage_type"] == ("s3" if is_s3 else "local")
    assert [segment["s3_key"] is not None for segment in told["audio_segments"]] == [is_s3] * 2
    assert all(segment["phonemes"] for segment in told["audio_segments"])


async def test_a_recording_is_measured_from_its_sound(here: httpx.AsyncClient) -> None:
    speech = (await spoken(here, format="mp3"))[-1]["audio"]
    sound = (await here.get(speech["link"], follow_redirects=True)).content

    answer = await here.post(
        "/speech/analyze", data={"user_id": "u1"}, files={"file": ("talk.mp3", sound, "audio/mpeg")}
    )

    told = answer.json()
    assert answer.status_code == 201, answer.text
    analysis = told["analysis"]
    assert analysis["duration"] == pytest.approx(speech["duration"], abs=0.2)
    assert -45 < analysis["loudness_lufs"] < -5
    assert 1.5 < analysis["syllables_per_second"] < 8
    assert told["recording"]["file_path"].startswith("users/u1/recordings/")


async def test_audio_is_processed_to_its_final_key(browser: httpx.AsyncClient) -> None:
    audio = (await spoken(browser))[-1]["audio"]
    sound = (await browser.get(audio["link"], follow_redirects=True)).content

    answer = await browser.post(
        "/process",
        data={"preset": "speech-to-text", "pitch_id": audio["token"][:20].replace("-", "x").replace("_", "y") + "1"},
        files={"file": ("in.wav", sound, "audio/wav")},
    )

    told = answer.json()
    assert answer.status_code == 200, answer.text
    assert told["direct_upload"] is True
    assert told["s3_key"].endswith("/processed/transcoded_file.mp3")
    async with httpx.AsyncClient(timeout=PATIENCE) as other:
        assert (await other.get(told["audio_url"])).content.startswith(MAGIC["mp3"])


async def test_operators_see_the_real_state(embedded: Stack, here: httpx.AsyncClient) -> None:
    token = (embedded.layout.data / "operators.token").read_text().strip()

    told = (await here.get("/api/page/operators", headers={"Authorization": f"Bearer {token}"})).json()

    assert told["info"]["backend"] == "embedded"
    assert told["due"] is not None


@pytest.fixture
async def sdk(embedded: Stack) -> AsyncIterator[openai.AsyncOpenAI]:
    """OpenAI's own client, pointed at us."""
    async with openai.AsyncOpenAI(base_url=f"http://{embedded.address('gateway')}/v1", api_key="any") as client:
        yield client


@pytest.mark.parametrize("kind", [*MAGIC, "pcm"])
async def test_openais_client_hears_every_format(sdk: openai.AsyncOpenAI, kind: Any) -> None:
    answer = await sdk.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format=kind)

    assert len(answer.content) > 1_000
    assert kind == "pcm" or answer.content.startswith(MAGIC[kind])


@pytest.mark.parametrize("kind", [*MAGIC, "pcm"])
async def test_openais_client_is_told_what_cannot_be_spoken_in_any_format(sdk: openai.AsyncOpenAI, kind: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.audio.speech.create(model="tts-1", voice="alloy", input="...", response_format=kind)

    assert (caught.value.code, caught.value.param) == ("text_unspeakable", "input")


async def test_openais_pcm_is_24_khz(sdk: openai.AsyncOpenAI) -> None:
    wav, pcm = await asyncio.gather(
        *(
            sdk.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format=kind)
            for kind in ("wav", "pcm")
        )
    )

    with wave.open(io.BytesIO(wav.content)) as file:
        rate, width = file.getframerate(), file.getsampwidth()
    samples = (len(wav.content) - 44) / width
    assert len(pcm.content) / 2 / 24_000 == pytest.approx(samples / rate, rel=0.1)


async def test_openais_speed_is_heard(sdk: openai.AsyncOpenAI) -> None:
    slow, fast = [
        await sdk.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="wav", speed=speed)
        for speed in (0.5, 2.0)
    ]

    assert len(slow.content) > 2 * len(fast.content)
