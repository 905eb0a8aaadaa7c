"""Pictures of the pages for the documents: `make pictures`.

A set of its own is started, real speech is made, some of it ends and is swept, and a real Chromium looks at it.
"""

from __future__ import annotations

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clients.gateway.tests.page import chromium
from tests.conftest import running
from tools.stack.programs import Backend

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from mayfly_client import AsyncClient
    from tests.conftest import Stack

FOLDER = Path(__file__).resolve().parent.parent / "docs/pictures"
LAST = (
    "The river is quiet tonight. A mayfly rises from the water, and has one evening to dance. "
    "By morning, nothing of it is left."
)
TEXTS = (
    "Good evening. Your table by the window is ready.",
    "Please mind the gap between the train and the platform.",
    LAST,
)
DESK = {"width": 1280, "height": 940}
STILL: dict[str, Any] = {"reduced_motion": "reduce"}
"""No picture should show a transition's middle."""
LOOKS: dict[str, dict[str, Any]] = {
    "page-light": {"color_scheme": "light", "viewport": DESK},
    "page-dark": {"color_scheme": "dark", "viewport": DESK},
    "page-phone": {
        "color_scheme": "light",
        "viewport": {"width": 360, "height": 1120},
        "device_scale_factor": 2,
        "has_touch": True,
    },
}
SWEEPS = 10
LIFE = timedelta(seconds=3)


async def main() -> None:
    """Make all pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), Backend.EMBEDDED) as stack:
        async with chromium.launched() as browser:
            for name, look in LOOKS.items():
                await page_picture(browser, stack, name, look)
            async with stack.client() as client:
                await live_a_little(client)
            await operators_picture(browser, stack)


async def page_picture(browser: Browser, stack: Stack, name: str, look: dict[str, Any]) -> None:
    """A guest's third speech, while it is heard."""
    async with chromium.tab(browser, origin(stack), **STILL, **look) as tab:
        page = await tab.open()
        for text in TEXTS:
            await page.fill("#text", text)
            await page.click("#speak")
            await page.locator("#actions").wait_for()
        await tab.position(2.9)
        await page.evaluate("scrollTo(0, 0)")
        await page.mouse.move(0, 0)
        await keep(page, name)


async def live_a_little(client: AsyncClient) -> None:
    """Sweeps, each with something to delete."""
    for number in range(SWEEPS):
        for _ in range(1 + number * 5 % 4):
            await client.speak("Soon gone.", ttl=LIFE)
        # There is no event for what expires.
        await asyncio.sleep(LIFE.total_seconds())
        sweep = await client.start_sweep()
        async for _ in client.watch_sweep(sweep.name):
            pass


async def operators_picture(browser: Browser, stack: Stack) -> None:
    """What operators see after that."""
    token = (stack.layout.data / "operators.token").read_text(encoding="utf-8").strip()
    async with chromium.tab(browser, origin(stack), **STILL, viewport={"width": 1280, "height": 1180}) as tab:
        page = await tab.open("/operators")
        await page.fill("#token", token)
        await page.keyboard.press("Enter")
        await page.locator("#board").wait_for()
        await keep(page, "operators")


async def keep(page: Page, name: str) -> None:
    """Write a picture, and say so."""
    path = FOLDER / f"{name}.png"
    await page.screenshot(path=path)
    print(f"{path.relative_to(FOLDER.parent.parent)}: {path.stat().st_size // 1000} kB")


def origin(stack: Stack) -> str:
    """Where the set's gateway is."""
    return f"http://{stack.address('gateway')}"


if __name__ == "__main__":
    asyncio.run(main())
