"""A real Chromium, and a tab in it whose every fault is noted: errors, refused policies, requests to elsewhere."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import async_playwright, expect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from playwright.async_api import Browser, ConsoleMessage, Page, Request

NEEDED = "MAYFLY_TESTS_BROWSER"
PATIENCE = 60.0
"""Seconds, for machines that are busy with other tests; nothing waits longer than it has to."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--use-fake-device-for-media-stream",  # a microphone that beeps
]
AXE = resources.files("axe_playwright_python") / "axe.min.js"
WATCH_POLICY = """addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} refuses ${event.blockedURI || "what stands in the page"}`))"""


def path() -> str | None:
    """Where a Chromium is installed; None if there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def require() -> None:
    """Skip a test where no browser is installed; fail it where one is asked for, as CI does."""
    if path() is not None:
        return
    told = "No Chromium is installed; `apt-get install chromium` brings one."
    # A page that nobody looked at is not a page that works.
    if os.environ.get(NEEDED) == "required":  # noqa: TID251 - the switch of the tests, no setting of the gateway
        pytest.fail(told)
    pytest.skip(told)


@asynccontextmanager
async def launched() -> AsyncGenerator[Browser]:
    """A browser without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path(), args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Tab:
    """A tab of one guest, and what went wrong in it."""

    page: Page
    origin: str
    faults: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    store: str = ""
    """Origin of the signed links: audio may come from there, and nothing else."""

    async def open(self, path: str = "/") -> Page:
        """The page, ready to be used."""
        await self.page.goto(self.origin + path)
        if path == "/":
            await self.page.wait_for_selector("html[data-ready]")
        return self.page

    async def position(self, seconds: float) -> None:
        """Wait until the player is beyond a time."""
        await self._until("([id, least]) => Number(document.getElementById(id).value) > least", ["seek", seconds])

    async def sound(self, seconds: float) -> None:
        """Wait until the stored file is heard beyond a time."""
        await self._until("([id, least]) => document.getElementById(id).currentTime > least", ["sound", seconds])

    async def ended(self) -> None:
        """Wait until the stored file stands at its end."""
        await self._until("([id]) => document.getElementById(id).ended", ["sound"])

    async def lit(self, words: int) -> None:
        """Wait until so many words were seen to light up, by who notes them as `window.lit`."""
        await self._until("([least]) => window.lit.length >= least", [words])

    async def hear_the_time(self) -> None:
        """Have the page ask for something: it hears of the time with every answer."""
        await self.page.evaluate("async () => { await (await import('/page/api.js')).history(); }")

    async def _until(self, condition: str, argument: list[Any]) -> None:
        # Playwright's own waiting evaluates text in the page, which its policy refuses.
        look = f"""(given) => new Promise((done) => {{
          const look = () => (({condition})(given) ? done() : requestAnimationFrame(look));
          look();
        }})"""
        async with asyncio.timeout(PATIENCE):
            await self.page.evaluate(look, argument)

    async def violations(self) -> list[str]:
        """What axe finds in the page as it is now, one line for each."""
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = await self.page.evaluate("axe.run()")
        return [
            f"{one['impact']}: {one['id']}: {', '.join(str(node['target']) for node in one['nodes'])}"
            for one in found["violations"]
        ]

    def heard_console(self, message: ConsoleMessage) -> None:
        """Note an error; that of a refused request is the request's, and tested as such."""
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.faults.append(message.text)

    def saw_request(self, request: Request) -> None:
        """Note where it goes."""
        self.requests.append(request)
        place = urlsplit(request.url)
        origin = f"{place.scheme}://{place.netloc}"
        # To be heard, or to be saved: a download begins as a document.
        is_audio = request.resource_type in {"media", "document"} or request.redirected_from is not None
        if place.scheme in {"blob", "data"} or origin == self.origin or (origin == self.store and is_audio):
            return
        self.faults.append(f"a {request.resource_type} request left the origin, to {origin}")


@asynccontextmanager
async def tab(browser: Browser, origin: str, *, store: str = "", **options: Any) -> AsyncGenerator[Tab]:
    """A tab of a new guest; `options` are those of a browser context, e.g. `color_scheme`."""
    context = await browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    try:
        await context.add_init_script(WATCH_POLICY)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        expect.set_options(timeout=PATIENCE * 1000)
        made = Tab(page, origin, store=store)
        page.on("console", made.heard_console)
        page.on("pageerror", lambda error: made.faults.append(str(error)))
        page.on("request", made.saw_request)
        yield made
    finally:
        await context.close()
