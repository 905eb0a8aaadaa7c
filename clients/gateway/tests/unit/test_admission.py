from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_gateway.security.admission import Admission

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send


async def test_an_answer_that_has_begun_is_broken_off_and_gets_no_other_end() -> None:
    sent: list[Message] = []

    async def begins(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    admission = Admission(begins, most=1, longest=timedelta(milliseconds=20))
    for _ in range(2):  # and its place is given back
        with pytest.raises(TimeoutError):
            await admission({"type": "http", "path": "/", "headers": []}, receive, send)

    assert [message.get("status") for message in sent] == [200, 200]
