"""Every answer tells its time, by the gateway's clock."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx

    from mayfly_client.testing import FakeMayfly


@pytest.mark.parametrize("path", ["/", "/api/page/voices", "/nothing/here"])
async def test_an_answer_tells_when_it_was_given(browser: httpx.AsyncClient, fake: FakeMayfly, path: str) -> None:
    answer = await browser.get(path)

    assert parsedate_to_datetime(answer.headers["date"]) == fake.clock.now().replace(microsecond=0)
