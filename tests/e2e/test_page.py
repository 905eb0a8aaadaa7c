"""The page as a guest meets it: a real Chromium, the real gateway, real speech, each store."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest_asyncio
from playwright.async_api import expect

from clients.gateway.tests.page import chromium

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Stack

TEXT = "The river is quiet tonight. A mayfly rises from the water, and has one evening to dance."
RECORDING = Path(chromium.__file__).with_name("speech.wav")


@pytest_asyncio.fixture
async def tab(stack: Stack) -> AsyncIterator[chromium.Tab]:
    chromium.require()
    store = await _store_origin(stack)
    async with chromium.launched() as browser:
        async with chromium.tab(browser, f"http://{stack.address('gateway')}", store=store) as opened:
            yield opened
        assert opened.faults == []


async def _store_origin(stack: Stack) -> str:
    """Where signed links lead."""
    async with stack.client() as client:
        spoken = await client.speak("Hello.")
    return "/".join(spoken.audio.url.split("/", 3)[:3])


async def test_speech_is_heard_downloaded_and_gone(tab: chromium.Tab) -> None:
    page = await tab.open()
    await page.fill("#text", TEXT)
    await page.click("#speak")
    await tab.position(0.5)
    await expect(page.locator("#spoken .now")).to_be_visible()
    await expect(page.locator("#actions")).to_be_visible()

    # From the stored file, through its stable link, by ranges: to its end, where it stops, and from the beginning.
    await page.locator("#seek").press("End")
    await tab.ended()
    await page.locator("#seek").press("Home")
    await page.click("#play")
    await tab.sound(1)
    async with page.expect_download() as started:
        await page.get_by_role("link", name="MP3").click()
    assert (await (await started.value).path()).read_bytes()[:3] in {b"ID3", b"\xff\\xf3", b"\xff\\xfb"}
    async with page.expect_download() as started:
        await page.get_by_role("link", name="VTT").click()
    assert (await (await started.value).path()).read_text().startswith("WEBVTT")

    await page.reload()
    await expect(page.locator("#history .title")).to_contain_text("The river is quiet tonight.")
    await expect(page.locator("#history .left")).to_have_text(re.compile(r"Gone in 23 h 5\d min"))
    await page.click("#history .open")
    await page.click("#delete")
    await page.click("#farewell-yes")
    await expect(page.get_by_text("answers 410, gone")).to_be_visible()
    # Its row stays until no late upload can land there any more; so does the certificate's time.
    await page.get_by_role("button", name="Ask for the certificate").click()
    await expect(page.get_by_text("There is no certificate yet.")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#history li")).to_have_count(0)


async def test_a_recording_is_kept_and_heard(tab: chromium.Tab) -> None:
    page = await tab.open()

    await page.set_input_files("#file", RECORDING)
    await tab.sound(0.2)

    await expect(page.locator("#history .title")).to_have_text("speech.wav")
    await expect(page.locator("#duration")).to_have_text("0:08")


async def test_a_voice_is_recorded_and_can_be_heard_after_a_reload(tab: chromium.Tab) -> None:
    await tab.page.context.grant_permissions(["microphone"])
    page = await tab.open()
    await page.get_by_role("button", name="Record").click()
    await expect(page.locator("#record-time")).to_have_text(re.compile(r"0:(0[1-9]|[1-5]\d)"))
    await page.get_by_role("button", name="Keep it").click()
    await tab.sound(0.2)

    await page.reload()
    await expect(page.locator("#history .title")).to_have_text("recording.webm")
    await page.click("#history .open")

    # Its file tells no length, so that is what was heard of it.
    await tab.position(0.5)


async def test_a_format_that_is_none_is_refused_in_words(tab: chromium.Tab) -> None:
    page = await tab.open()

    await page.set_input_files("#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no sound"})

    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_role("alert").locator(".remedy")).not_to_be_empty()


async def test_operators_see_what_is_stored_and_proved(stack: Stack, tab: chromium.Tab) -> None:
    token = (stack.layout.data / "operators.token").read_text().strip()
    page = await tab.open("/operators")

    await page.get_by_label("Operators' token").fill(token)
    await page.keyboard.press("Enter")

    await expect(page.locator("#board")).to_be_visible()
    await expect(page.locator("#stored")).to_contain_text("temp-audio")
    await expect(page.locator("#chain-told")).not_to_contain_text("broken")
    assert await tab.violations() == []
    assert token not in json.dumps(await page.evaluate("({...localStorage, ...sessionStorage})"))
