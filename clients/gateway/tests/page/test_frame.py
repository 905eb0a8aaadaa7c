"""What holds of the page as a whole: who can use it, what it weighs, where it looks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from clients.gateway.tests.page.speech import TEXT
from mayfly_gateway.doors.pages import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable

    from clients.gateway.tests.page.chromium import Tab
    from clients.gateway.tests.page.standin import Standin

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"width": 360, "height": 740}
NARROW = {"width": 320, "height": 640}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": PHONE, "has_touch": True},
    "narrow phone": {"color_scheme": "light", "viewport": NARROW, "has_touch": True},
    "dark phone": {"color_scheme": "dark", "viewport": PHONE, "reduced_motion": "reduce"},
}
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.mark.parametrize("look", LOOKS)
async def test_axe_finds_nothing_in_any_state(new_tab: Callable[..., Any], standin: Standin, look: str) -> None:
    standin.keep(text="Please mind the gap.")
    tab = await new_tab(**LOOKS[look])
    page = await tab.open()
    found = {"start": await tab.violations()}

    standin.rest.clear()
    await page.fill("#text", TEXT)
    await page.click("#speak")
    await tab.position(0.5)
    found["speaking"] = await tab.violations()
    standin.rest.set()
    await expect(page.locator("#actions")).to_be_visible()
    found["kept"] = await tab.violations()
    await page.click("#delete")
    found["asked"] = await tab.violations()
    await page.click("#farewell-yes")
    await expect(page.locator("#receipt")).to_be_visible()
    found["receipt"] = await tab.violations()
    await page.keyboard.press("Escape")
    standin.refusal = 503, {}, {}
    await page.click("#speak")
    await expect(page.get_by_role("alert")).to_be_visible()
    found["fault"] = await tab.violations()

    assert {state: told for state, told in found.items() if told} == {}


@pytest.mark.parametrize("look", LOOKS)
async def test_nothing_is_wider_than_the_window(new_tab: Callable[..., Any], standin: Standin, look: str) -> None:
    standin.keep(text="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2)
    tab = await new_tab(**LOOKS[look])
    page = await tab.open()
    assert await page.evaluate(FITS)

    await page.click("#history .open")
    await tab.sound(0.1)
    assert await page.evaluate(FITS)
    await page.click("#delete")
    await page.click("#farewell-yes")
    await expect(page.locator("#receipt")).to_be_visible()

    assert await page.evaluate(FITS)


async def test_everything_can_be_done_with_keys_alone(tab: Tab, standin: Standin) -> None:
    page = await tab.open()
    keys = page.keyboard

    await keys.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the text")).to_be_focused()
    await keys.press("Enter")
    await expect(page.locator("#text")).to_be_focused()
    await keys.type("The river is quiet tonight.")
    await keys.press("Control+Enter")
    await tab.position(0.3)
    await expect(page.locator("#actions")).to_be_visible()
    await tab_to(tab, "play")
    await keys.press("Space")
    await expect(page.locator("#play")).to_have_accessible_name("Play")
    await tab_to(tab, "seek")
    await keys.press("End")
    await expect(page.locator("#position")).to_have_text("0:08")
    await tab_to(tab, "delete")
    await keys.press("Enter")
    await expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    await keys.press("Shift+Tab")
    await keys.press("Enter")
    await expect(page.get_by_role("heading", name="It is gone.")).to_be_focused()
    await keys.press("Escape")

    await expect(page.get_by_role("dialog")).to_be_hidden()
    assert [standin.readable(token) for token in standin.audios] == [False]


async def tab_to(tab: Tab, name: str) -> None:
    """Press Tab until an element has the focus, as somebody without a pointer would."""
    for _ in range(30):
        await tab.page.keyboard.press("Tab")
        if await tab.page.evaluate("document.activeElement.id") == name:
            return
    pytest.fail(f"Tab never comes to {name}.")


async def test_the_first_load_is_small(tab: Tab) -> None:
    page = await tab.open()

    sizes = {one.url: (await one.sizes())["responseBodySize"] for one in tab.requests}

    assert page.url in sizes
    assert sum(sizes.values()) <= 90_000, sizes
    assert not [url for url in sizes if "operators" in url]


async def test_nothing_stands_within_the_html_that_the_policy_would_have_to_allow() -> None:
    for path in FOLDER.glob("*.html"):
        text = path.read_text(encoding="utf-8")

        assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)", text), path.name
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text), path.name


async def test_who_wants_no_motion_gets_none(new_tab: Callable[..., Any], standin: Standin) -> None:
    tab = await new_tab(reduced_motion="reduce")
    page = await tab.open()
    standin.rest.clear()
    await page.fill("#text", TEXT)
    await page.click("#speak")
    await tab.position(0.1)

    assert await page.evaluate("document.getAnimations().length") == 0


async def test_the_page_is_whole_under_the_gateways_own_headers(tab: Tab) -> None:
    answer = await tab.page.goto(tab.origin)

    assert answer is not None
    headers = await answer.all_headers()
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]


async def test_modules_stay_small() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in FOLDER.glob("*.*")}

    assert {name: lines for name, lines in lengths.items() if lines > 300} == {}
