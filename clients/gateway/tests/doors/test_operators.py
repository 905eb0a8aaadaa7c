from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import grpc
import pytest

if TYPE_CHECKING:
    import httpx

    from mayfly_client.testing import FakeMayfly

PATH = "/api/page/operators"
THEIRS = {"Authorization": "Bearer operators-of-the-tests"}


async def test_operators_see_what_is_stored_due_and_proved(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    async with fake.async_client() as mayfly:
        await mayfly.speak("Gone soon.", ttl=timedelta(minutes=1))
        await mayfly.speak("Gone tomorrow.")
        fake.clock.advance(timedelta(minutes=2))

        told = (await browser.get(PATH, headers=THEIRS)).json()

        swept = await mayfly.start_sweep()
        _ = [each async for each in mayfly.watch_sweep(swept.name)]
    fake.clock.advance(timedelta(minutes=2))
    later = (await browser.get(PATH, headers=THEIRS)).json()

    assert sum(each["objects"] for each in told["usage"]) >= 1
    assert sum(line["found"] for line in told["due"]["lines"]) == 1
    assert sum(line["found"] for line in later["due"]["lines"]) == 0
    real = [sweep for sweep in later["sweeps"] if not sweep["dry_run"]]
    assert [sweep["state"] for sweep in real] == ["CLEAN"]
    assert {each["id"] for each in told["info"]["collections"]} >= {"temp-audio", "recordings"}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer guess"}, {"Authorization": "Basic eDp5"}])
async def test_nobody_else_does(browser: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await browser.get(PATH, headers=headers)

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_what_is_due_is_looked_at_once_a_minute(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    for _ in range(3):
        await browser.get(PATH, headers=THEIRS)

    assert [call.method for call in fake.calls].count("StartSweep") == 1


async def test_without_a_sweeper_that_serves_the_rest_is_seen(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    for method in ("StartSweep", "ListSweeps", "ListCertificates"):
        fake.refuse(method, grpc.StatusCode.UNAVAILABLE, "", times=9)

    answer = await browser.get(PATH, headers=THEIRS)

    assert answer.status_code == 200
    told = answer.json()
    assert (told["due"], told["sweeps"], told["certificates"]) == (None, [], [])


async def test_a_sweeper_that_cannot_look_leaves_the_rest_to_be_seen(
    browser: httpx.AsyncClient, fake: FakeMayfly
) -> None:
    fake.refuse("StartSweep", grpc.StatusCode.FAILED_PRECONDITION, "SWEEP_RUNNING")

    answer = await browser.get(PATH, headers=THEIRS)

    assert (answer.status_code, answer.json()["due"]) == (200, None)
