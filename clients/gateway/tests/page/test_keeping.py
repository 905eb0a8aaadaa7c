"""What a guest can do with audio that is kept, and how it ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
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


async def open_first(tab: Tab) -> Page:
    page = await tab.open()
    await page.click("#history .open")
    return page


async def test_what_a_guest_has_is_there_after_a_reload(tab: Tab, standin: Standin) -> None:
    standin.keep(text="The first.")
    standin.keep(text="The second.")

    page = await tab.open()

    await expect(page.locator("#history .title")).to_have_text(["The second.", "The first."])
    await expect(page.locator("#history-empty")).to_be_hidden()


async def test_kept_audio_plays_through_its_stable_link(tab: Tab, standin: Standin) -> None:
    audio = standin.keep()
    page = await open_first(tab)

    await tab.sound(0.8)
    await page.click("#play")
    await expect(page.locator("#play")).to_have_accessible_name("Play")

    time = await page.evaluate("document.querySelector('#sound').currentTime")
    heard = [word["text"] for word in audio["words"] if word["start"] <= time]
    await expect(page.locator("#spoken .now")).to_have_text(heard[-1])
    assert await page.evaluate("new URL(document.querySelector('#sound').src).pathname") == audio["link"]
    assert await standin.reports() == [(audio["token"], "played")]


async def test_it_can_be_paused_and_sought_by_keys(tab: Tab, standin: Standin) -> None:
    standin.keep(text=TEXT)
    page = await open_first(tab)
    await tab.sound(0.1)

    await page.locator("#play").press("Space")
    await expect(page.locator("#play")).to_have_accessible_name("Play")
    seek = page.get_by_role("slider", name="Position")
    await seek.press("End")

    await expect(page.locator("#spoken .now")).to_have_text("left.")
    await expect(seek).to_have_attribute("aria-valuetext", "8 seconds of 8 seconds")
    await seek.press("Home")
    await expect(page.locator("#position")).to_have_text("0:00")


async def test_a_click_on_a_word_goes_there(tab: Tab, standin: Standin) -> None:
    standin.keep()
    page = await open_first(tab)

    await page.get_by_text("morning").click()

    await tab.position(6)
    await expect(page.locator("#position")).to_have_text("0:06")


async def test_the_picture_shows_what_was_heard(tab: Tab, standin: Standin) -> None:
    standin.keep()
    page = await open_first(tab)
    await tab.position(0.5)

    shape = await page.get_attribute("#wave .wave-all", "d")
    width = await page.evaluate("Number(document.querySelector('#wave rect').getAttribute('width'))")

    assert shape is not None
    assert shape.count("M") == 120
    assert 480 * 0.5 / 8.755 <= width <= 480


async def test_it_can_be_downloaded_in_each_format(tab: Tab, standin: Standin) -> None:
    standin.keep()
    page = await open_first(tab)
    links = page.get_by_role("list", name="Download").get_by_role("link")

    assert await links.all_inner_texts() == ["WAV", "MP3", "Opus", "AAC", "FLAC"]
    for kind in await links.all_inner_texts():
        async with page.expect_download() as started:
            await links.get_by_text(kind).click()
        download = await started.value
        assert download.suggested_filename == f"speech.{kind.lower()}"
        assert (await download.path()).stat().st_size == SPEECH.stat().st_size


async def test_it_has_captions(tab: Tab, standin: Standin) -> None:
    standin.keep()
    page = await open_first(tab)
    links = page.get_by_role("list", name="Captions").get_by_role("link")

    assert await links.all_inner_texts() == ["SRT", "VTT", "JSON"]
    for kind in await links.all_inner_texts():
        async with page.expect_download() as started:
            await links.get_by_text(kind).click()
        assert (await (await started.value).path()).read_text() == f"captions as {kind.lower()}"


async def test_no_captions_are_offered_where_no_words_are_known(tab: Tab, standin: Standin) -> None:
    standin.keep(words=[])

    page = await open_first(tab)

    await expect(page.locator("#actions")).to_be_visible()
    await expect(page.locator("#captions-menu")).to_be_hidden()


async def test_the_link_is_copied_whole(new_tab: Callable[..., Any], standin: Standin) -> None:
    audio = standin.keep()
    tab = await new_tab(permissions=["clipboard-read", "clipboard-write"])
    page = await open_first(tab)

    await page.click("#copy")

    await expect(page.get_by_role("status")).to_contain_text("The link is copied.")
    assert await page.evaluate("navigator.clipboard.readText()") == tab.origin + audio["link"]


async def test_a_link_that_cannot_be_copied_is_shown_to_be_copied_by_hand(tab: Tab, standin: Standin) -> None:
    audio = standin.keep()
    page = await open_first(tab)
    await page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")

    await page.click("#copy")

    await expect(page.get_by_label("Link", exact=True)).to_have_value(tab.origin + audio["link"])


async def test_the_time_that_is_left_is_counted_down(tab: Tab, standin: Standin) -> None:
    standin.keep(expire_time=(datetime.now(UTC) + timedelta(minutes=61)).isoformat())

    page = await open_first(tab)

    await expect(page.get_by_role("timer")).to_have_text("Gone in 1 h 0 min")
    await expect(page.locator("#history .left")).to_have_text("Gone in 1 h 0 min")


async def test_seconds_are_counted_at_the_end(tab: Tab, standin: Standin) -> None:
    end = datetime.fromisoformat(standin.keep()["expire_time"])
    page = await open_first(tab)
    await expect(page.get_by_role("timer")).to_contain_text(" h ")
    # Not before the page is there: on a slow machine that takes a while.
    standin.ahead = end - datetime.now(UTC) - timedelta(seconds=55)
    await tab.hear_the_time()
    await expect(page.get_by_role("timer")).not_to_contain_text(" h ")

    first = await page.get_by_role("timer").inner_text()
    await expect(page.get_by_role("timer")).not_to_have_text(first)

    assert first.startswith("Gone in ")
    assert first.endswith(" s")


async def test_audio_whose_time_is_over_falls_silent_and_leaves_the_list(tab: Tab, standin: Standin) -> None:
    standin.keep()
    page = await open_first(tab)
    await tab.sound(0.1)

    standin.ahead = standin.lifetime - timedelta(seconds=2)
    await tab.hear_the_time()

    await expect(page.get_by_role("timer")).to_have_text("Its time is over. Nobody can hear it any more.")

    await expect(page.locator("#play")).to_have_accessible_name("Play")
    await expect(page.locator("#actions")).to_be_hidden()
    await expect(page.locator("#history li")).to_have_count(0)
    await expect(page.get_by_role("status")).to_have_text("The time of this audio is over.")


async def test_a_clock_that_goes_wrong_does_not_lengthen_a_life(tab: Tab, standin: Standin) -> None:
    standin.keep(expire_time=(datetime.now(UTC) + timedelta(hours=2, seconds=59)).isoformat())
    page = tab.page
    # The guest's machine believes that it is a day earlier.
    await page.add_init_script("const real = Date.now; Date.now = () => real() - 86_400_000")

    await tab.open()

    await expect(page.locator("#history .left")).to_have_text("Gone in 2 h 0 min")


async def test_audio_that_somebody_else_deleted_is_told_to_be_gone(tab: Tab, standin: Standin) -> None:
    audio = standin.keep()
    page = await tab.open()
    standin.gone.add(audio["token"])

    await page.click("#history .open")

    await expect(page.get_by_role("alert")).to_contain_text("This audio is gone.")
    await expect(page.locator("#history li")).to_have_count(0)


async def test_deleting_is_asked_once_and_shows_its_receipt(tab: Tab, standin: Standin) -> None:
    audio = standin.keep(text=TEXT)
    page = await open_first(tab)

    await page.click("#delete")
    await expect(page.get_by_role("dialog")).to_contain_text("cannot be brought back")
    assert standin.readable(audio["token"])
    await page.get_by_role("button", name="Delete now").last.click()

    dialog = page.get_by_role("dialog", name="It is gone.")
    await expect(dialog.get_by_text("answers 410, gone")).to_be_visible()
    await expect(dialog.get_by_text("a sweep will write it")).to_be_visible()
    await dialog.get_by_role("button", name="Close").click()
    await expect(page.locator("#player")).to_be_hidden()
    await expect(page.locator("#history li")).to_have_count(0)
    assert not standin.readable(audio["token"])


async def test_the_certificate_can_be_asked_for_after_the_next_sweep(tab: Tab, standin: Standin) -> None:
    standin.keep()
    page = await open_first(tab)
    await page.click("#delete")
    await page.click("#farewell-yes")

    await page.get_by_role("button", name="Ask for the certificate").click()
    await expect(page.get_by_role("dialog")).to_contain_text("There is no certificate yet.")
    standin.certificate = 17
    await page.get_by_role("button", name="Ask for the certificate").click()

    await expect(page.get_by_role("dialog")).to_contain_text("number 17, verified by the store")
    await expect(page.locator("#receipt-again")).to_be_hidden()


async def test_the_receipt_can_be_saved(tab: Tab, standin: Standin) -> None:
    audio = standin.keep()
    page = await open_first(tab)
    await page.click("#delete")
    await page.click("#farewell-yes")

    async with page.expect_download() as started:
        await page.get_by_role("link", name="Save the receipt").click()
    download = await started.value

    receipt = json.loads((await download.path()).read_text())
    assert download.suggested_filename == "mayfly-receipt.json"
    assert receipt["audio"] == audio["token"]
    assert receipt["link_answers"] == 410
    assert receipt["deleted"] is True


async def test_whoever_thinks_again_keeps_the_audio(tab: Tab, standin: Standin) -> None:
    audio = standin.keep(text="Stay.")
    page = await tab.open()

    await page.get_by_role("button", name="Delete “Stay.”").click()
    await page.get_by_role("button", name="Keep it").click()

    await expect(page.get_by_role("dialog")).to_be_hidden()
    assert standin.readable(audio["token"])


async def test_a_deletion_that_fails_says_so(tab: Tab, standin: Standin) -> None:
    audio = standin.keep()
    page = await open_first(tab)
    await page.click("#delete")
    standin.refusal = 503, {"error": {"reason": "SERVER_BUSY", "message": "Mayfly is busy."}}, {}

    await page.click("#farewell-yes")

    await expect(page.get_by_role("alert")).to_contain_text("Mayfly is busy.")
    await expect(page.locator("#history li")).to_have_count(1)
    assert standin.readable(audio["token"])
