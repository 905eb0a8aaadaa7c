"""What pages of other sites can have a guest's browser do here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mayfly_gateway.app import create_app
from mayfly_gateway.config import GatewaySettings

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly

ORIGIN = "https://app.example"
FILE = {"file": ("a.wav", b"RIFF", "audio/wav")}
FORM = {"Origin": "https://evil.example", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


async def uploaded(fake: FakeMayfly, headers: dict[str, str], **settings: Any) -> httpx.Response:
    async with fake.async_client() as mayfly:
        app = create_app(GatewaySettings.load(secret="s" * 32, **settings), mayfly, now=fake.clock.now)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://gateway") as http:
            return await http.post("/api/page/recordings", files=FILE, headers=headers)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_form_of_another_site_replaces_no_guests_cookie_and_uploads_nothing(
    fake: FakeMayfly, site: str
) -> None:
    answer = await uploaded(fake, {**FORM, "Sec-Fetch-Site": site})

    assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "OTHER_SITE")
    assert "set-cookie" not in answer.headers
    assert fake.calls == ()


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}])
async def test_the_gateways_own_page_and_whoever_is_no_browser_are_let_in(
    fake: FakeMayfly, headers: dict[str, str]
) -> None:
    assert (await uploaded(fake, headers)).status_code == 201


@pytest.mark.parametrize(("origins", "status"), [((ORIGIN,), 201), (("*",), 201), (("https://other.example",), 403)])
async def test_pages_of_named_origins_are_let_in(fake: FakeMayfly, origins: tuple[str, ...], status: int) -> None:
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}

    assert (await uploaded(fake, headers, cors_origins=origins)).status_code == status


async def test_links_from_other_sites_lead_here(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/", headers={**FORM, "Sec-Fetch-Site": "cross-site"})).status_code == 200
