"""What a guest hears and sees while a text is spoken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from clients.gateway.tests.page.speech import TEXT

if TYPE_CHECKING:
    from playwright.async_api import Page

    from clients.gateway.tests.page.chromium import Tab
    from clients.gateway.tests.page.standin import Standin

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOTE_WORDS = """() => {
  window.lit = [];
  new MutationObserver(() => {
    const now = document.querySelector("#spoken .now")?.textContent;
    if (now && now !== window.lit.at(-1)) window.lit.push(now);
  }).observe(document.querySelector("#spoken"), { subtree: true, childList: true, attributes: true });
}"""


async def speak(page: Page, text: str = TEXT) -> None:
    await page.fill("#text", text)
    await page.click("#speak")


async def test_the_first_sentence_is_heard_while_the_rest_is_made(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    standin.rest.clear()

    await speak(page)
    await tab.position(0.5)

    # Not one byte of the second sentence has been sent yet.
    assert float(await page.get_attribute("#seek", "max")) == pytest.approx(1.855, abs=0.01)
    await expect(page.locator("#speak")).to_have_text("Stop")
    await expect(page.locator("#actions")).to_be_hidden()


async def test_it_goes_on_without_a_gap_when_the_rest_has_come(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    standin.rest.clear()
    await speak(page)
    await tab.position(0.5)

    standin.rest.set()
    await expect(page.locator("#actions")).to_be_visible()
    await tab.position(2.2)

    await expect(page.locator("#speak")).to_have_text("Speak")
    await expect(page.locator("#duration")).to_have_text("0:08")
    assert await standin.reports() == [(next(iter(standin.audios)), "played")]


async def test_it_waits_for_what_comes_late_and_then_goes_on(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    standin.rest.clear()
    await speak(page)

    # All there was is heard.
    await tab.position(1.84)
    standin.rest.set()
    await tab.position(2.2)

    await expect(page.locator("#spoken .now")).to_be_visible()


async def test_words_light_up_in_their_order(tab: Tab) -> None:
    page = await tab.open()
    await page.evaluate(NOTE_WORDS)

    await speak(page)
    await tab.position(2.8)
    # Of short words a busy machine may show none; each that is shown comes in its turn.
    await tab.lit(4)

    lit = await page.evaluate("window.lit")
    words = iter(TEXT.split())
    assert all(word in words for word in lit)


async def test_all_that_was_typed_stays_on_the_page(tab: Tab) -> None:
    page = await tab.open()

    await speak(page, f"“{TEXT}”\n\nAnd 42 more.")

    await expect(page.locator("#spoken")).to_have_text(re.compile("^“The river.*left.”\\s+And 42 more.$", re.DOTALL))
    await expect(page.locator("#spoken span").first).to_have_text("“The")


async def test_what_was_heard_live_is_played_again_from_the_file(tab: Tab) -> None:
    page = await tab.open()
    await speak(page)
    await expect(page.locator("#actions")).to_be_visible()

    await page.locator("#seek").press("End")
    await tab.ended()
    await page.locator("#seek").press("Home")
    await page.click("#play")
    await tab.sound(0.3)

    await expect(page.locator("#play")).to_have_accessible_name("Pause")


async def test_the_order_is_what_was_chosen(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    await page.select_option("#voice", "de_DE-duo-medium")
    await page.select_option("#speaker", "ben")
    await page.locator("#speed").fill("1.5")

    await speak(page, "  Guten Abend. ")
    await expect(page.locator("#actions")).to_be_visible()

    asked = {"text": "Guten Abend.", "voice": "de_DE-duo-medium", "speaker": "ben", "format": "wav", "speed": 1.5}
    assert standin.orders == [asked]


async def test_speaking_can_be_stopped(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    standin.rest.clear()
    await speak(page)
    await tab.position(0.1)

    await page.click("#speak")

    await expect(page.locator("#speak")).to_have_text("Speak")
    await expect(page.locator("#player")).to_be_hidden()
    await expect(page.locator("#notice")).to_be_hidden()
    assert standin.audios == {}


async def test_another_audio_can_be_opened_while_one_is_spoken(tab: Tab, standin: Standin) -> None:
    standin.keep(text="Please mind the gap.")
    page = await tab.open()
    standin.rest.clear()
    await speak(page)
    await tab.position(0.1)

    await page.click("#history .open")

    await expect(page.locator("#spoken")).to_have_text("Please mind the gap.")
    await expect(page.locator("#speak")).to_have_text("Speak")
    await tab.sound(0.1)


REFUSALS: list[tuple[int, dict[str, Any], dict[str, str], str]] = [
    (
        429,
        {"error": {"reason": "QUOTA_EXCEEDED", "message": "That is all for now.", "remedy": "Come back later."}},
        {"Retry-After": "42"},
        "That is all for now. You can try again in 42 s. QUOTA_EXCEEDED",
    ),
    (
        413,
        {"error": {"reason": "TEXT_TOO_LONG", "message": "The text has 9 characters too many."}},
        {},
        "The text has 9 characters too many. Shorten it, or speak it in parts. TEXT_TOO_LONG",
    ),
    (502, {"html": "of a proxy"}, {}, "Mayfly could not do this (status 502). Try again in a moment."),
]


@pytest.mark.parametrize(("status", "body", "headers", "told"), REFUSALS)
async def test_a_refusal_says_why_and_what_to_do(
    tab: Tab, standin: Standin, status: int, body: dict[str, Any], headers: dict[str, str], told: str
) -> None:
    page = await tab.open()
    standin.refusal = status, body, headers

    await speak(page)

    notice = page.get_by_role("alert")
    await expect(notice).to_be_visible()
    assert " ".join(await notice.locator("p").all_inner_texts()) == told
    await expect(page.locator("#text")).to_have_value(TEXT)


async def test_a_fault_in_the_middle_is_told(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    standin.fault = {"reason": "SERVER_BUSY", "message": "Mayfly is busy.", "remedy": ""}

    await speak(page)

    await expect(page.get_by_role("alert")).to_contain_text("Try again in a few seconds.")
    await expect(page.locator("#player")).to_be_hidden()


async def test_a_stream_that_breaks_off_is_told(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    standin.breaks = True

    await speak(page)

    await expect(page.get_by_role("alert")).to_contain_text("before the speech was whole")


async def test_a_service_that_does_not_answer_is_told(tab: Tab) -> None:
    page = await tab.open()
    await page.context.set_offline(True)

    await speak(page)

    await expect(page.get_by_role("alert")).to_contain_text("Check your connection")


async def test_a_fault_is_forgotten_when_the_next_try_succeeds(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    standin.refusal = 503, {}, {}
    await speak(page)
    await expect(page.get_by_role("alert")).to_be_visible()

    await page.click("#speak")

    await expect(page.locator("#actions")).to_be_visible()
    await expect(page.locator("#notice")).to_be_hidden()


async def test_nothing_to_say_is_said(tab: Tab, standin: Standin) -> None:
    page = await tab.open()

    await page.click("#speak")

    await expect(page.get_by_role("alert")).to_contain_text("Write at least one word.")
    await expect(page.locator("#text")).to_be_focused()
    assert standin.orders == []


async def test_a_text_beyond_the_limit_is_counted(tab: Tab) -> None:
    page = await tab.open()

    await page.fill("#text", "a" * 5_003)

    await expect(page.locator("#count")).to_have_text("3 too many")
    await expect(page.locator("#text")).to_have_attribute("aria-invalid", "true")
