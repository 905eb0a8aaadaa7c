"""What a guest brings along: files that are sent, and a voice that is recorded."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from clients.gateway.tests.page.speech import SPEECH, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from playwright.async_api import Page

    from clients.gateway.tests.page.chromium import Tab
    from clients.gateway.tests.page.standin import Standin

pytestmark = pytest.mark.asyncio(loop_scope="session")


NOTE_SHARES = """() => {
  window.shares = [];
  new MutationObserver(() => window.shares.push(document.querySelector("#upload-bar").value))
    .observe(document.querySelector("#upload-share"), { childList: true });
}"""


NOTE_STREAM = """() => {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wish) => (window.stream = await real(wish));
}"""


AT_LEAST_A_SECOND = re.compile(r"^0:(0[1-9]|[1-5]\d)$")


async def record(page: Page) -> None:
    """Begin to record, with the stream at hand."""
    await page.evaluate(NOTE_STREAM)
    await page.click("#record")
    await expect(page.locator("#record-time")).to_have_text(AT_LEAST_A_SECOND)


async def slow_down(page: Page, *, bytes_per_second: int = 200_000) -> None:
    """An uplink so slow that there is a progress to be seen."""
    session = await page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second}
    await session.send("Network.emulateNetworkConditions", limits)


async def test_a_recording_is_sent_with_progress_and_can_be_heard(tab: Tab) -> None:
    page = await tab.open()
    await slow_down(page)
    await page.evaluate(NOTE_SHARES)

    await page.set_input_files("#file", SPEECH)
    await tab.sound(0.1)

    shares = await page.evaluate("window.shares")
    assert len(shares) >= 3
    assert shares == sorted(shares)
    assert any(0 < share < 1 for share in shares)
    await expect(page.locator("#history .title")).to_have_text("speech.wav")
    await expect(page.locator("#duration")).to_have_text("0:08")
    await expect(page.get_by_role("timer")).to_have_text("Kept until you delete it")


async def test_a_voice_is_recorded_kept_and_heard(new_tab: Callable[..., Any], standin: Standin) -> None:
    tab = await new_tab(permissions=["microphone"])
    page = await tab.open()
    now = asyncio.get_running_loop().time

    begun = now()
    await page.get_by_role("button", name="Record").click()
    await expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    assert await tab.violations() == []
    await expect(page.locator("#record-time")).to_have_text(AT_LEAST_A_SECOND)
    await page.keyboard.press("Enter")
    await tab.sound(0.1)
    took = now() - begun

    await expect(page.locator("#history .title")).to_have_text("recording.webm")
    await expect(page.locator("#duration")).to_have_text(AT_LEAST_A_SECOND)
    assert int((await page.locator("#duration").inner_text()).removeprefix("0:")) <= took
    await expect(page.locator("#record")).to_be_visible()
    assert [audio["size_bytes"] > 1_000 for audio in standin.audios.values()] == [True]


async def test_a_recording_can_be_thrown_away(new_tab: Callable[..., Any], standin: Standin) -> None:
    tab = await new_tab(permissions=["microphone"])
    page = await tab.open()

    await page.get_by_role("button", name="Record").click()
    await page.get_by_role("button", name="Discard").click()

    await expect(page.get_by_role("button", name="Record")).to_be_visible()
    await expect(page.get_by_role("status")).to_have_text("The recording was thrown away.")
    assert [one for one in tab.requests if one.method == "POST"] == []
    assert standin.audios == {}


async def test_a_microphone_that_is_not_allowed_is_told(new_tab: Callable[..., Any]) -> None:
    tab = await new_tab(permissions=[])
    page = await tab.open()

    await page.get_by_role("button", name="Record").click()

    await expect(page.get_by_role("alert")).to_contain_text("Allow it for this page in your browser, or choose a file.")
    await expect(page.get_by_role("button", name="Record")).to_be_enabled()


async def test_an_upload_can_be_stopped(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    # Whole in two minutes: it is stopped before, however long the click takes.
    await slow_down(page, bytes_per_second=2_000)

    await page.set_input_files("#file", SPEECH)
    await page.get_by_role("button", name="Stop the upload").click()

    await expect(page.get_by_role("status")).to_have_text("The upload was stopped.")
    await expect(page.locator("#drop")).to_be_visible()
    await expect(page.locator("#notice")).to_be_hidden()
    assert standin.audios == {}


async def test_a_file_that_is_no_audio_is_refused_with_what_would_do(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    standin.refusal = 415, {"error": {"reason": "CONTENT_TYPE_NOT_ALLOWED", "message": "This is no audio."}}, {}

    await page.set_input_files("#file", Path(__file__))

    await expect(page.get_by_role("alert")).to_contain_text("Choose an audio file: WAV, MP3")


async def test_a_file_that_is_too_large_is_not_sent(tab: Tab, standin: Standin) -> None:
    standin.max_upload_bytes = 100_000
    page = await tab.open()

    await page.set_input_files("#file", SPEECH)

    await expect(page.get_by_role("alert")).to_contain_text("speech.wav has 280 kB; at most 100 kB can be kept.")
    assert [one for one in tab.requests if one.method == "POST"] == []


async def test_a_microphone_that_is_pulled_out_sends_nothing_by_itself(
    new_tab: Callable[..., Any], standin: Standin
) -> None:
    tab = await new_tab(permissions=["microphone"])
    page = await tab.open()
    await record(page)

    await page.evaluate("window.stream.getTracks().forEach((track) => track.stop())")

    await expect(page.get_by_role("status")).to_have_text("The recording has ended. Keep it, or discard it.")
    assert standin.audios == {}
    await page.get_by_role("button", name="Keep it").click()
    await expect(page.locator("#history li")).to_have_count(1)


async def test_a_voice_that_could_not_be_sent_is_not_lost(new_tab: Callable[..., Any], standin: Standin) -> None:
    tab = await new_tab(permissions=["microphone"])
    page = await tab.open()
    await record(page)
    await page.context.set_offline(True)

    await page.get_by_role("button", name="Keep it").click()
    await expect(page.get_by_role("alert")).to_contain_text("Check your connection")
    again = page.get_by_role("button", name="Send recording.webm again")
    await expect(again).to_be_focused()
    assert await tab.violations() == []
    await page.context.set_offline(False)
    await again.click()

    await expect(page.locator("#history .title")).to_have_text("recording.webm")
    await expect(again).to_be_hidden()
    assert [audio["size_bytes"] > 1_000 for audio in standin.audios.values()] == [True]


async def test_what_is_no_audio_is_not_offered_again(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    standin.refusal = 415, {"error": {"reason": "CONTENT_TYPE_NOT_ALLOWED", "message": "This is no audio."}}, {}

    await page.set_input_files("#file", SPEECH)

    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.locator("#upload-again")).to_be_hidden()


async def test_an_upload_that_ends_does_not_cut_off_what_is_heard(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    standin.hold()
    await page.fill("#text", TEXT)
    await page.click("#speak")
    await tab.position(0.1)
    await page.set_input_files("#file", SPEECH)

    standin.rest.set()

    await expect(page.locator("#history li")).to_have_count(2)
    await expect(page.locator("#upload")).to_be_hidden()
    await tab.position(2.2)
    await expect(page.locator("#spoken")).to_have_text(TEXT)


async def test_a_file_that_is_dropped_beside_the_field_does_not_replace_the_page(tab: Tab) -> None:
    page = await tab.open()

    taken = await page.evaluate("""() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["x"], "song.wav"));
      const drop = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
      return !document.querySelector("h1").dispatchEvent(drop);
    }""")

    assert taken
