from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mayfly_gateway.app import create_app
from mayfly_gateway.config import GatewaySettings

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly

ORIGIN = "https://app.example"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("GET", "/a/unknown"),
        ("POST", "/public/tts/sync"),
        ("PUT", "/public/tts/sync"),
        ("GET", "/v1/models"),
        ("GET", "/openapi.json"),
        ("GET", "/api/page/history"),
        ("TRACE", "/"),
    ],
)
async def test_every_answer_has_the_headers(browser: httpx.AsyncClient, method: str, path: str) -> None:
    headers = (await browser.request(method, path)).headers

    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] in {"no-store", "no-cache"}


async def asked(fake: FakeMayfly, headers: dict[str, str], method: str = "GET", **settings: Any) -> httpx.Response:
    async with fake.async_client() as mayfly:
        app = create_app(GatewaySettings.load(secret="s" * 32, **settings), mayfly, now=fake.clock.now)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://gateway") as http:
            if method == "POST":
                return await http.post("/api/page/speech", json={"text": "Hello."}, headers=headers)
            return await http.request(method, "/api/page/voices", headers=headers)


async def test_other_origins_may_read_nothing_unless_they_are_named(fake: FakeMayfly) -> None:
    unnamed = await asked(fake, {"Origin": ORIGIN})
    named = await asked(fake, {"Origin": ORIGIN}, cors_origins=(ORIGIN,))
    another = await asked(fake, {"Origin": "https://evil.example"}, cors_origins=(ORIGIN,))

    assert "access-control-allow-origin" not in unnamed.headers
    assert named.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in another.headers
    # Never with the guest's cookie: a history is for the page alone.
    assert "access-control-allow-credentials" not in named.headers


async def test_a_preflight_names_what_is_allowed(fake: FakeMayfly) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = await asked(fake, headers, "OPTIONS", cors_origins=(ORIGIN,))

    assert answer.status_code == 200
    assert "PUT" not in answer.headers["access-control-allow-methods"]


async def test_a_page_of_a_named_origin_may_send_what_openais_sdk_sends_along(fake: FakeMayfly) -> None:
    wanted = "authorization,content-type,x-stainless-os,x-stainless-retry-count"
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": wanted}
    answer = await asked(fake, headers, "OPTIONS", cors_origins=(ORIGIN,))

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-headers"] == wanted


async def test_over_tls_the_cookie_is_for_this_host_alone_and_browsers_stay_with_tls(fake: FakeMayfly) -> None:
    plain = await asked(fake, {}, "POST")
    secure = await asked(fake, {}, "POST", public_url="https://gateway")

    assert "secure" not in plain.headers["set-cookie"].lower()
    assert "strict-transport-security" not in plain.headers
    cookie = secure.headers["set-cookie"].lower()
    assert cookie.startswith("__host-mayfly-guest=")
    assert all(word in cookie for word in ("secure", "path=/", "httponly", "samesite=strict"))
    assert "domain" not in cookie
    assert "max-age" in secure.headers["strict-transport-security"]


async def test_audio_may_come_from_where_links_lead_and_from_nowhere_else(fake: FakeMayfly) -> None:
    answer = await asked(fake, {}, link_origins=("https://bucket.s3.eu-central-1.amazonaws.com",))

    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["media-src"] == "'self' blob: https://bucket.s3.eu-central-1.amazonaws.com"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
