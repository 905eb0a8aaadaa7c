"""What operators see: figures that alarm, pictures, and a chain that is checked."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.async_api import Page

    from clients.gateway.tests.page.chromium import Tab
    from clients.gateway.tests.page.standin import Standin

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKEN = "let-me-see"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def sweep(number: int, *, deleted: int = 7, late: float = 90, state: str = "CLEAN") -> dict[str, Any]:
    """A sweep, `number` times ten minutes after the first."""
    begin = NOW - timedelta(minutes=10 * (20 - number))
    line = {"reason": "EXPIRED", "found": deleted, "deleted": deleted, "size_bytes": deleted * 280_000}
    report = {"lines": [line] if deleted else [], "max_lateness_seconds": late, "still_there": 0}
    times = {"start_time": begin.isoformat(), "end_time": (begin + timedelta(seconds=2)).isoformat()}
    told = {"name": f"sweeps/{number}", "state": state, "dry_run": False, "failure": "", "notes": []}
    return {**told, **times, "report": report, "certificate": number}


def certificate(number: int, **totals: int) -> dict[str, Any]:
    """One of a chain."""
    totals = {"verified_gone": 7, "still_there": 0, **totals}
    return {
        "sequence": number,
        "sha256": hashlib.sha256(str(number).encode()).hexdigest(),
        "previous_sha256": hashlib.sha256(str(number - 1).encode()).hexdigest(),
        "create_time": NOW.isoformat(),
        "document": {"proves": True, "last": True, "totals": totals},
    }


def state(**changes: Any) -> dict[str, Any]:
    """A store where all is well."""
    return {
        "as_of": NOW.isoformat(),
        "info": {
            "backend": "aws",
            "bucket": "mayfly-audio",
            "fallback_active": False,
            "collections": [
                {"id": "temp-audio", "lifetime_seconds": 86_400},
                {"id": "recordings", "lifetime_seconds": None},
            ],
        },
        "usage": [
            {"collection": "temp-audio", "objects": 812, "size_bytes": 227_000_000, "monthly_cost": 1.84},
            {"collection": "recordings", "objects": 1, "size_bytes": 88_000_000, "monthly_cost": 0.01},
        ],
        "due": {"lines": [{"reason": "EXPIRED", "found": 3}], "max_lateness_seconds": 60},
        "sweeps": [sweep(number) for number in range(20, 0, -1)],
        "certificates": [certificate(number) for number in range(20, 0, -1)],
        **changes,
    }


async def look(tab: Tab, token: str = TOKEN) -> Page:
    page = await tab.open("/operators")
    await page.get_by_label("Operators' token").fill(token)
    await page.keyboard.press("Enter")
    return page


def figure(page: Page, name: str) -> Any:
    return page.locator("#figures li").filter(has=page.get_by_text(name, exact=True))


async def test_figures_tell_that_all_is_well(tab: Tab, standin: Standin) -> None:
    standin.operators = state()

    page = await look(tab)

    await expect(figure(page, "Stored")).to_contain_text("315 MB")
    await expect(figure(page, "Stored")).to_contain_text("813 objects, in mayfly-audio (aws)")
    await expect(figure(page, "Due now")).to_contain_text("3 expired")
    await expect(figure(page, "Last sweep")).to_contain_text("clean")
    await expect(figure(page, "Late by")).to_contain_text("2 min")
    await expect(figure(page, "Verified gone")).to_contain_text("140")
    await expect(page.locator("#figures .alarm")).to_have_count(0)


ALARMS: dict[str, dict[str, Any]] = {
    "Stored": {"info": {**state()["info"], "fallback_active": True, "fallback_cause": "SlowDown"}},
    "Due now": {"due": {"lines": [], "max_lateness_seconds": 1_801}},
    "Last sweep": {"sweeps": [sweep(20, state="PARTIAL")]},
    "Late by": {"sweeps": [sweep(20, late=1_801)]},
    "Verified gone": {"certificates": [certificate(1, still_there=2)]},
}


@pytest.mark.parametrize("name", ALARMS)
async def test_what_breaks_a_promise_alarms(tab: Tab, standin: Standin, name: str) -> None:
    standin.operators = state(**ALARMS[name])

    page = await look(tab)

    await expect(page.locator("#figures .alarm .name")).to_have_text(name)


async def test_sweeps_that_ceased_alarm(tab: Tab, standin: Standin) -> None:
    standin.operators = state(as_of=(NOW + timedelta(hours=1)).isoformat())

    page = await look(tab)

    await expect(figure(page, "Last sweep")).to_contain_text("60 min ago")
    await expect(page.locator("#figures .alarm .name")).to_have_text("Last sweep")


async def test_pictures_say_in_words_what_they_show(tab: Tab, standin: Standin) -> None:
    standin.operators = state()

    page = await look(tab)

    sweeps = page.get_by_role("img", name="20 sweeps. Each deleted at most 7 items, at most 2 min after their time.")
    await expect(sweeps.locator("rect.sweep")).to_have_count(20)
    await expect(page.get_by_role("img", name="12 certificates. The chain is whole.")).to_be_visible()


async def test_a_chain_with_a_missing_link_is_seen(tab: Tab, standin: Standin) -> None:
    certificates = [certificate(number) for number in (5, 4, 2, 1)]
    standin.operators = state(certificates=certificates)

    page = await look(tab)

    await expect(page.locator("#chain-told")).to_contain_text("The chain is broken at 4.")
    await expect(page.locator("#chain rect.broken")).to_have_count(1)


async def test_a_new_store_has_nothing_to_show_yet(tab: Tab, standin: Standin) -> None:
    standin.operators = state(usage=[], due=None, sweeps=[], certificates=[])

    page = await look(tab)

    await expect(figure(page, "Last sweep")).to_contain_text("none has ended yet")
    await expect(page.locator("#chain-told")).to_have_text("There is none yet.")
    await expect(page.locator("#sweeps-told")).to_contain_text("No sweep has run")


async def test_a_wrong_token_is_refused_and_asked_for_again(tab: Tab, standin: Standin) -> None:
    page = await look(tab, "guessed")

    await expect(page.get_by_role("alert")).to_contain_text("Check the operators' token, and try again.")
    await expect(page.get_by_label("Operators' token")).to_be_focused()
    await expect(page.locator("#board")).to_be_hidden()


async def test_the_state_can_be_asked_for_again(tab: Tab, standin: Standin) -> None:
    standin.operators = state()
    page = await look(tab)
    await expect(figure(page, "Due now")).to_contain_text("3 expired")
    standin.operators = state(due={"lines": [], "max_lateness_seconds": 0})

    await page.get_by_role("button", name="Ask again").click()

    await expect(figure(page, "Due now")).to_contain_text("nothing waits")


async def test_what_was_seen_stays_while_the_service_does_not_answer(tab: Tab, standin: Standin) -> None:
    standin.operators = state()
    page = await look(tab)
    await expect(figure(page, "Due now")).to_contain_text("3 expired")
    standin.refusal = 503, {}, {}

    await page.get_by_role("button", name="Ask again").click()

    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(figure(page, "Due now")).to_contain_text("3 expired")
    await expect(page.locator("#door")).to_be_hidden()


async def test_the_token_is_kept_nowhere(tab: Tab, standin: Standin) -> None:
    standin.operators = state()
    page = await look(tab)
    await expect(page.locator("#board")).to_be_visible()

    kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")

    assert TOKEN not in kept
    assert TOKEN not in page.url


@pytest.mark.parametrize("look_like", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_axe_finds_nothing(new_tab: Callable[..., Any], standin: Standin, look_like: str, width: int) -> None:
    standin.operators = state(certificates=[certificate(number) for number in (5, 4, 2, 1)])
    tab = await new_tab(color_scheme=look_like, viewport={"width": width, "height": 800})
    page = await tab.open("/operators")
    assert await tab.violations() == []

    await look(tab)
    await expect(page.locator("#board")).to_be_visible()

    assert await tab.violations() == []
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
