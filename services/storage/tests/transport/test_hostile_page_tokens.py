"""Page tokens that were cut, changed or made up: refused as what they are, however deep the lie."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError
from mayfly.storage.v1 import retention_service_pb2 as retention_pb
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_runtime.testing import rpc_error
from mayfly_storage.testing.contract import LinkResponse
from mayfly_storage.testing.served import Served, serve
from mayfly_storage.testing.stage import Stage
from mayfly_storage.transport import page_tokens

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    Cases = Callable[[int], range]

DEEP = "[" * 100_000
NONSENSE: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**70, 1.5, "", "x", "\0", "\ud800", "x" * 3_000, "ü" * 1_500, [], [[]], {}, {"row": "x"}),
    *(["", ""], ["rows", "", ""], {"due#0": ["x", "y", "z"]}, {"due#0": []}, {"due#9": []}, DEEP, "LOCAL", "../../x"),
)
REQUESTS = [
    pb.ListAudioRequest(page_size=1),
    pb.ListAudioRequest(page_size=1, date="2026-01-15"),
    pb.ListAudioRequest(page_size=1, subject={"user_id": "u1"}),
    pb.ListAudioRequest(page_size=1, object_key_prefix="temp-audio/"),
    retention_pb.ListExpiredRequest(page_size=1),
    retention_pb.ListExpiredRequest(page_size=1, shard={"index": 0, "count": 2}),
    retention_pb.ListOrphansRequest(page_size=1),
    retention_pb.ListOrphansRequest(page_size=1, collection="temp-audio"),
]


@pytest.fixture
async def aws(tmp_path: Path, aws_url: str) -> AsyncIterator[Served]:
    from mayfly_storage.backends.aws.testing import emulated_options, open_emulated  # noqa: PLC0415 - slow to load

    stage = Stage()
    stage.clock.advance(datetime.now(UTC) - stage.clock.now())

    async def follow(method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Any:
        answer = await http.request(method, url, headers=headers, content=body)
        return LinkResponse(status=answer.status_code, headers=dict(answer.headers), body=answer.content)

    async with (
        open_emulated(emulated_options(aws_url), now=stage.clock.now) as backend,
        httpx.AsyncClient(timeout=60) as http,
        serve(stage, replace(stage.world, backend=backend), tmp_path, follow=follow) as served,
    ):
        yield served


@pytest.fixture(params=["memory", "embedded", "aws"])
def served(request: pytest.FixtureRequest) -> Served:
    found: Served = request.getfixturevalue(request.param)
    return found


async def ask(served: Served, request: Any) -> Any:
    name = type(request).__name__.removesuffix("Request")
    return await getattr(served.storage if hasattr(served.storage, name) else served.retention, name)(request)


async def tokens(served: Served) -> list[tuple[Any, str]]:
    """Real tokens, each with the request that it belongs to: of rows that are there, and of those that are due."""
    for number in range(6):
        await served.saved(b"%d" % number, subject={"user_id": "u1"})
    served.clock.advance(timedelta(days=2))
    found = []
    for request in REQUESTS:
        answer = await ask(served, request)
        if answer.next_page_token:
            found.append((request, answer.next_page_token))
    assert len({type(request) for request, _ in found}) == 3
    return found


def means_the_same(changed: str, token: str) -> bool:
    """Whether they differ in nothing but base64: padding, and bits at the end that nobody reads."""
    try:
        one, other = (
            base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True) for text in (changed, token)
        )
    except ValueError:
        return False
    return one == other


def with_token(request: Any, token: str) -> Any:
    asked = type(request)()
    asked.CopyFrom(request)
    asked.page_token = token
    return asked


async def assert_refused(served: Served, request: Any, *, may_pass: bool = False) -> None:
    try:
        await ask(served, request)
    except AioRpcError as error:
        told = rpc_error(error)
        assert (told.code, told.reason) == (StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"), request.page_token
    else:
        assert may_pass, request.page_token


async def test_a_changed_token_is_refused(served: Served, chance: random.Random, cases: Cases) -> None:
    for request, token in await tokens(served):
        for _ in cases(10):
            place = chance.randrange(len(token))
            changed = token[:place] + chance.choice("AZaz09-_= é") + token[place + chance.randrange(1, 3) :]
            if not means_the_same(changed, token):
                await assert_refused(served, with_token(request, changed))


@pytest.mark.parametrize("token", ["x", "=", "AAAA", "A" * 5_000, "\0", "é", "-" * 11, "ey" * 1_000])
async def test_what_is_no_token_is_refused(served: Served, token: str) -> None:
    for request in REQUESTS:
        await assert_refused(served, with_token(request, token))


def lies(cursor: str, chance: random.Random) -> str:
    """A cursor in which one thing is replaced by nonsense, as deep as there is JSON in base64 in it."""
    try:
        told = json.loads(cursor)
        pack: Callable[[Any], str] = json.dumps
    except ValueError:
        padded = cursor + "=" * (-len(cursor) % 4)
        try:
            told = json.loads(base64.urlsafe_b64decode(padded))
        except ValueError:
            return str(chance.choice(NONSENSE))

        def pack(value: Any) -> str:
            return base64.urlsafe_b64encode(raw(value)).decode()

    return pack(_replaced(told, chance))


def raw(value: Any) -> bytes:
    return DEEP.encode() if value == DEEP else json.dumps(value).encode()


def _replaced(value: Any, chance: random.Random) -> Any:
    if chance.random() < 0.3 or not isinstance(value, list | dict | str) or not value:
        return chance.choice(NONSENSE)
    if isinstance(value, str):
        return lies(value, chance)
    changed = list(value) if isinstance(value, list) else dict(value)
    place = chance.choice(list(range(len(value)) if isinstance(value, list) else value))
    changed[place] = _replaced(value[place], chance)
    return changed


async def test_a_made_up_token_is_refused_or_leads_where_its_filters_lead(
    served: Served, chance: random.Random, cases: Cases
) -> None:
    """Its fingerprint is right, for that is no secret; what is behind it is not."""
    for request, token in await tokens(served):
        cursor = page_tokens.read(with_token(request, token))
        for _ in cases(20):
            made_up = page_tokens.make(request, lies(cursor, chance).encode(errors="replace").decode())
            await assert_refused(served, with_token(request, made_up), may_pass=True)
