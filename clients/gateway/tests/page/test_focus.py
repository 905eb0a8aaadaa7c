"""Where the focus is when what had it goes away: on something near, never back at the top of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from clients.gateway.tests.page.speech import SPEECH, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from clients.gateway.tests.page.chromium import Tab
    from clients.gateway.tests.page.standin import Standin

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("opener", ["#delete", "#history .remove"])
async def test_after_a_deletion_it_is_at_what_is_left(tab: Tab, standin: Standin, opener: str) -> None:
    standin.keep(text="The first.")
    standin.keep(text="The second.")
    page = await tab.open()
    await page.locator("#history .open").first.click()

    await page.locator(opener).first.press("Enter")
    await page.locator("#farewell-yes").press("Enter")
    await expect(page.locator("#farewell-title")).to_be_focused()
    await page.keyboard.press("Escape")

    await expect(page.get_by_role("heading", name="Yours, for now")).to_be_focused()


async def test_after_thinking_again_it_is_where_it_was(tab: Tab, standin: Standin) -> None:
    standin.keep()
    page = await tab.open()

    await page.locator("#history .remove").press("Enter")
    await page.keyboard.press("Escape")

    await expect(page.locator("#history .remove")).to_be_focused()


async def test_when_the_time_is_over_it_stays_in_the_player(tab: Tab, standin: Standin) -> None:
    standin.keep()
    page = await tab.open()
    await page.click("#history .open")
    await tab.sound(0.1)
    await page.focus("#copy")

    standin.outlive()
    await tab.hear_the_time()

    await expect(page.get_by_role("heading", name="Player")).to_be_focused()


async def test_an_entry_whose_time_is_over_hands_it_to_the_next(tab: Tab, standin: Standin) -> None:
    standin.keep(text="Stays.", expire_time=None)
    standin.keep(text="Goes.")
    page = await tab.open()
    await page.locator("#history .open").first.focus()

    standin.outlive()
    await tab.hear_the_time()

    await expect(page.locator("#history .open")).to_have_count(1)
    await expect(page.locator("#history .open")).to_be_focused()


async def test_what_is_left_in_the_list_stays_as_it_is(tab: Tab, standin: Standin) -> None:
    standin.keep(text="Open.", expire_time=None)
    standin.keep(text="Goes.")
    page = await tab.open()
    last = page.locator("#history .open").last
    await last.press("Enter")
    await tab.sound(0.1)

    standin.outlive()
    await tab.hear_the_time()

    await expect(page.locator("#history .open")).to_have_count(1)
    await expect(last).to_be_focused()
    await expect(last).to_have_attribute("aria-current", "true")


async def test_speech_that_fails_hands_it_to_the_button_that_tries_again(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    standin.rest.clear()
    await page.fill("#text", TEXT)
    await page.click("#speak")
    await tab.position(0.1)
    await page.focus("#play")

    await page.evaluate("document.querySelector('#speak').click()")

    await expect(page.locator("#speak")).to_be_focused()


async def test_a_recording_that_is_thrown_away_hands_it_back(new_tab: Callable[..., Any]) -> None:
    tab = await new_tab(permissions=["microphone"])
    page = await tab.open()

    await page.locator("#record").press("Enter")
    await expect(page.locator("#record-keep")).to_be_focused()
    await page.locator("#record-drop").press("Enter")

    await expect(page.locator("#record")).to_be_focused()


async def test_a_microphone_that_is_refused_leaves_it(new_tab: Callable[..., Any]) -> None:
    tab = await new_tab(permissions=[])
    page = await tab.open()

    await page.locator("#record").press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()

    await expect(page.locator("#record")).to_be_focused()


async def test_an_upload_that_ends_does_not_take_it_from_who_writes(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    standin.hold()
    await page.set_input_files("#file", SPEECH)
    await expect(page.locator("#upload-stop")).to_be_focused()
    await page.focus("#text")

    standin.rest.set()

    await expect(page.locator("#history li")).to_have_count(1)
    await expect(page.locator("#upload")).to_be_hidden()
    await expect(page.locator("#text")).to_be_focused()
