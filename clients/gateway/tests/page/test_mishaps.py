"""What goes wrong around the page: networks, services, hurried fingers, two things at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from clients.gateway.tests.page.speech import SPEECH, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from playwright.async_api import Route

    from clients.gateway.tests.page.chromium import Tab
    from clients.gateway.tests.page.standin import Standin

pytestmark = pytest.mark.asyncio(loop_scope="session")

BUSY = {"error": {"reason": "SERVER_BUSY", "message": "Mayfly is busy."}}


@pytest.mark.parametrize(
    ("path", "module", "form", "field"),
    [("/", "app.js", "composer", "text"), ("/operators", "operators.js", "door", "token")],
)
async def test_what_is_written_before_the_page_is_ready_never_gets_into_its_address(
    tab: Tab, path: str, module: str, form: str, field: str
) -> None:
    page = tab.page
    await page.route(f"**/page/{module}", lambda route: route.abort())
    await page.goto(tab.origin + path)

    await page.fill(f"#{field}", "my secret")
    await page.keyboard.press("Enter")
    # Neither the button, which waits for the page, nor the form itself, as an extension would send it.
    await expect(page.locator("button[type=submit]")).to_be_disabled()
    await page.evaluate(f"document.getElementById('{form}').requestSubmit()")

    await expect(page.locator(f"#{field}")).to_have_value("my secret\n" if field == "text" else "my secret")
    assert page.url == tab.origin + path
    assert [one.url for one in tab.requests if "secret" in one.url] == []


async def test_a_double_click_speaks_once_and_does_not_stop(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    standin.rest.clear()
    await page.fill("#text", TEXT)

    await page.dblclick("#speak")
    await tab.position(0.1)

    await expect(page.locator("#speak")).to_have_text("Stop")
    assert len(standin.orders) == 1


async def test_a_text_of_combining_marks_lights_up_too(tab: Tab, standin: Standin) -> None:
    page = await tab.open()

    await page.fill("#text", "Cafe\u0301.")
    await page.click("#speak")
    await expect(page.locator("#actions")).to_be_visible()

    # As the service composes its words.
    assert [order["text"] for order in standin.orders] == ["Caf\u00e9."]


async def test_a_text_that_is_read_from_the_right_stands_at_the_right(tab: Tab, standin: Standin) -> None:
    text = "مرحبا بالعالم!"
    standin.keep(text=text, words=[])
    page = await tab.open()
    await page.fill("#text", text)
    await page.click("#history .open")

    for shown in ("#text", "#spoken", "#history .title"):
        assert await page.evaluate("(one) => getComputedStyle(document.querySelector(one)).direction", shown) == "rtl"


async def test_what_one_service_knows_is_shown_while_another_restarts(tab: Tab, standin: Standin) -> None:
    standin.keep(text="Still here.")
    page = tab.page
    away = True

    async def voices(route: Route) -> None:
        await (route.fulfill(status=503, json=BUSY) if away else route.continue_())

    await page.route("**/api/page/voices", voices)
    await tab.open()

    await expect(page.get_by_role("alert")).to_contain_text("Mayfly is busy.")
    await expect(page.locator("#history .title")).to_have_text("Still here.")
    away = False
    await expect(page.locator("#voice option")).to_have_count(2)
    await expect(page.locator("#notice")).to_be_hidden()


async def test_a_failure_far_from_its_place_is_brought_into_sight(
    new_tab: Callable[..., Any], standin: Standin
) -> None:
    for number in range(12):
        standin.keep(text=f"Number {number}.")
    standin.max_upload_bytes = 100
    tab = await new_tab(viewport={"width": 390, "height": 700}, reduced_motion="reduce")
    page = await tab.open()
    await page.locator("#drop").scroll_into_view_if_needed()

    await page.set_input_files("#file", SPEECH)

    await expect(page.get_by_role("alert")).to_be_in_viewport()


async def test_a_file_that_cannot_be_had_is_told_and_nothing_is_saved(tab: Tab, standin: Standin) -> None:
    standin.keep()
    page = await tab.open()
    await page.click("#history .open")
    await tab.sound(0.1)
    saved: list[str] = []
    page.on("download", lambda download: saved.append(download.suggested_filename))
    standin.refusal = 503, BUSY, {}

    await page.get_by_role("link", name="MP3").click()

    await expect(page.get_by_role("alert")).to_contain_text("Mayfly is busy.")
    async with page.expect_download():
        await page.get_by_role("link", name="MP3").click()
    assert saved == ["speech.mp3"]


async def test_an_audio_can_be_played_when_the_network_is_back(tab: Tab, standin: Standin) -> None:
    standin.keep()
    page = await tab.open()
    await page.context.set_offline(True)
    await page.click("#history .open")
    await expect(page.get_by_role("alert")).to_contain_text("Check your connection")

    await page.context.set_offline(False)
    await page.click("#play")

    await tab.sound(0.3)
    assert await standin.reports() == [("tok0xq7Zk2", "played")]


async def test_a_signed_link_that_ended_is_replaced_without_a_word(tab: Tab, standin: Standin) -> None:
    audio = standin.keep(duration=16 * 8.755)
    page = await tab.open()
    standin.brief_links = True
    standin.rest.clear()

    await page.click("#history .open")
    await tab.sound(0.5)
    standin.rest.set()
    await page.locator("#seek").fill("100")
    await tab.sound(100.2)

    await expect(page.locator("#notice")).to_be_hidden()
    assert len(standin.used_links) == 2
    assert await standin.reports() == [(audio["token"], "played")]


async def test_audio_whose_time_is_over_cannot_be_heard_from_memory(tab: Tab, standin: Standin) -> None:
    standin.keep()
    page = await tab.open()
    await page.click("#history .open")
    await tab.sound(0.1)

    standin.outlive()
    await tab.hear_the_time()

    await expect(page.locator("#play")).to_be_disabled()
    await expect(page.locator("#seek")).to_be_disabled()
    await page.locator("#spoken span").first.click()
    assert not await page.evaluate("document.querySelector('#sound').hasAttribute('src')")
    standin.keep(text="Another.")
    await page.fill("#text", TEXT)
    await page.click("#speak")
    await tab.position(0.1)
    await expect(page.locator("#play")).to_be_enabled()


async def test_arrows_seek_by_what_one_can_hear(tab: Tab, standin: Standin) -> None:
    standin.keep()
    page = await tab.open()
    await page.click("#history .open")
    await tab.sound(0.1)
    await page.click("#play")
    seek = page.locator("#seek")
    await seek.press("Home")

    for key in ("ArrowRight", "ArrowUp", "ArrowRight", "ArrowLeft"):
        await seek.press(key)

    await expect(seek).to_have_attribute("aria-valuetext", "2 seconds of 8 seconds")


async def test_a_deletion_that_is_slow_speaks_of_its_own_audio_only(tab: Tab, standin: Standin) -> None:
    standin.keep(text="Stays.")
    goes = standin.keep(text="Goes.")
    page = await tab.open()
    asked, answered = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await answered.wait()
        await route.continue_()

    await page.route(f"**/api/page/audios/{goes['token']}", hold)
    await page.get_by_role("button", name="Delete “Goes.”").click()
    await page.click("#farewell-yes")
    await asked.wait()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Delete “Stays.”").click()
    answered.set()

    await expect(page.get_by_role("status")).to_have_text("“Goes.” is gone.")
    await expect(page.get_by_role("dialog", name="Delete this audio now?")).to_contain_text("Stays.")
    await expect(page.locator("#receipt")).to_be_hidden()
    await expect(page.locator("#history .title")).to_have_text(["Stays."])


async def test_a_browser_without_cookies_is_told_what_it_cannot_do(tab: Tab, standin: Standin) -> None:
    standin.cookie_kept = False
    page = await tab.open()
    await expect(page.locator("#cookie-missing")).to_be_hidden()

    await page.fill("#text", TEXT)
    await page.click("#speak")
    await tab.position(0.1)
    await expect(page.locator("#cookie-missing")).to_contain_text("can be neither downloaded nor deleted")
    assert await tab.violations() == []

    refused = {
        "reason": "AUDIO_NOT_YOURS",
        "message": "There is no such audio of yours.",
        "remedy": "As apps are told.",
    }
    standin.refusal = (404, {"error": refused}, {})
    await page.click("#delete")
    await page.click("#farewell-yes")
    await expect(page.locator("#notice .remedy")).to_contain_text("while it keeps this page's cookie")


async def test_a_browser_with_cookies_is_asked_for_them_once(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    for text in ("One.", "Two."):
        await page.fill("#text", text)
        await page.click("#speak")
        await expect(page.locator("#history .title").first).to_have_text(text)

    asked = [one for one in tab.requests if one.method == "GET" and "/api/page/audios/" in one.url]
    assert [urlsplit(one.url).path for one in asked] == [f"/api/page/audios/{next(iter(standin.audios))}"]
    await expect(page.locator("#cookie-missing")).to_be_hidden()


async def test_whoever_comes_back_to_the_page_finds_what_was_made_meanwhile(tab: Tab, standin: Standin) -> None:
    standin.keep(text="Here.")
    page = await tab.open()
    await page.focus("#history .open")
    standin.keep(text="In another tab.")

    # As a browser does that kept the page as it was.
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")

    await expect(page.locator("#history .title")).to_have_text(["In another tab.", "Here."])
    await expect(page.locator("#history-title")).to_be_focused()


async def test_words_wait_for_what_headphones_hear_late(tab: Tab) -> None:
    await tab.open()

    position = await tab.page.evaluate("""async () => {
      const { LivePlayback } = await import("/page/live-playback.js");
      const playback = new LivePlayback({ currentTime: 5, outputLatency: 0.25 });
      Object.assign(playback, { origin: 4, duration: 9 });
      return playback.position;
    }""")

    assert position == 0.75


async def test_words_light_up_in_the_readers_own_colours(new_tab: Callable[..., Any], standin: Standin) -> None:
    standin.keep()
    tab = await new_tab(forced_colors="active")
    page = await tab.open()
    await page.click("#history .open")
    await tab.sound(0.1)

    seen = await page.evaluate("""() => {
      const ground = (one) => getComputedStyle(document.querySelector(one)).backgroundColor;
      return [ground("#spoken .now"), ground("#spoken")];
    }""")

    assert seen[0] != seen[1]
