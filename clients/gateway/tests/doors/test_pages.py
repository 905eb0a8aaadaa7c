from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mayfly_gateway.doors.pages import FOLDER

if TYPE_CHECKING:
    import httpx


@pytest.mark.parametrize("path", ["/", "/operators", "/page/index.html"])
async def test_a_page_is_html_under_a_policy_that_lets_nothing_foreign_in(
    browser: httpx.AsyncClient, path: str
) -> None:
    answer = await browser.get(path)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_page_that_has_not_changed_is_not_sent_again(browser: httpx.AsyncClient) -> None:
    first = await browser.get("/")
    second = await browser.get("/", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"] == "no-cache"
    assert (second.status_code, second.content) == (304, b"")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "gzip"),
        ("br;q=1.0, gzip;q=0.8", "gzip"),
        ("gzip;q=0", None),
        ("", None),
        ("identity", None),
    ],
)
async def test_a_page_is_packed_for_who_takes_it_so(
    browser: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    answer = await browser.get("/page/app.js", headers={"Accept-Encoding": accepted})
    again = await browser.get(
        "/page/app.js", headers={"Accept-Encoding": accepted, "If-None-Match": answer.headers["etag"]}
    )

    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.text == (FOLDER / "app.js").read_text()
    assert again.status_code == 304


@pytest.mark.parametrize("name", ["../app.py", "%2e%2e/app.py", "..%2fapp.py", "nothing.js", "", "index.html/"])
async def test_nothing_but_the_pages_own_files_is_served(browser: httpx.AsyncClient, name: str) -> None:
    answer = await browser.get(f"/page/{name}")

    assert answer.status_code == 404
    assert "error" in answer.json()
