from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    import httpx

    from mayfly_client.testing import FakeMayfly


async def test_ready_says_who_answers(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/healthz")).json() == {"status": "ok"}
    assert (await browser.get("/readyz")).json() == {"status": "ok", "storage": True, "synth": True}


async def test_a_gateway_whose_synth_is_gone_is_not_ready_and_still_alive(
    browser: httpx.AsyncClient, fake: FakeMayfly
) -> None:
    fake.refuse("ListVoices", grpc.StatusCode.UNAVAILABLE, "", times=9)

    answer = await browser.get("/readyz")

    assert (answer.status_code, answer.json()["synth"]) == (503, False)
    assert (await browser.get("/healthz")).status_code == 200
