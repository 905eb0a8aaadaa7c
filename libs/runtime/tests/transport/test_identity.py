from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest

from mayfly_runtime.identity import Caller, CallerRegistry, current_caller, hash_token
from mayfly_runtime.testing import rpc_error, serve_in_process

if TYPE_CHECKING:
    from collections.abc import Sequence

TOKEN = "s3cret-token"


@pytest.fixture
def callers(service: str) -> CallerRegistry:
    return CallerRegistry(
        (
            Caller("everybody", ("*",), token_sha256=hash_token("other-token")),
            Caller("reader", (f"/{service}/unary_*",), token_sha256=hash_token(TOKEN)),
            Caller("certified", ("*",), common_name="certified.mayfly"),
        )
    )


def bearer(token: str) -> Sequence[tuple[str, str]]:
    return (("authorization", f"Bearer {token}"),)


class Seen:
    def __init__(self) -> None:
        self.names: list[str] = []

    async def act(self, request: Any) -> None:
        await asyncio.sleep(0)
        self.names.append(current_caller().name)


@pytest.fixture
def seen(echo: Any) -> Seen:
    noting = Seen()
    echo.act = noting.act
    return noting


async def test_on_loopback_everybody_is_local(serve: Any, seen: Seen, call: Any, kind: str) -> None:
    async with serve() as channel:
        await call(channel, kind)

    assert seen.names == ["local"]


async def test_a_token_names_the_caller_in_every_kind(
    serve: Any, seen: Seen, call: Any, kind: str, callers: CallerRegistry
) -> None:
    async with serve(callers=callers) as channel:
        await call(channel, kind, metadata=bearer("other-token"))

    assert seen.names == ["everybody"]


async def test_concurrent_callers_are_kept_apart(serve: Any, seen: Seen, call: Any, callers: CallerRegistry) -> None:
    async with serve(callers=callers) as channel:
        tokens = ["other-token", TOKEN] * 10
        await asyncio.gather(*(call(channel, "unary_unary", metadata=bearer(token)) for token in tokens))

    assert sorted(seen.names) == ["everybody"] * 10 + ["reader"] * 10


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_may_be_written_in_any_case(
    scheme: str, serve: Any, seen: Seen, call: Any, callers: CallerRegistry
) -> None:
    async with serve(callers=callers) as channel:
        await call(channel, "unary_unary", metadata=(("authorization", f"{scheme} {TOKEN}"),))

    assert seen.names == ["reader"]


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ((), "The call proves no identity."),
        (bearer("wrong"), "The bearer token is not known."),
        (bearer(""), "The authorization metadata is not a bearer token."),
        ((("authorization", f"Basic {TOKEN}"),), "The authorization metadata is not a bearer token."),
        ((("authorization", TOKEN),), "The authorization metadata is not a bearer token."),
    ],
)
async def test_without_a_known_token_nobody_comes_in(
    metadata: Any, problem: str, serve: Any, seen: Seen, call: Any, callers: CallerRegistry
) -> None:
    async with serve(callers=callers) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, "unary_unary", metadata=metadata)

    details = rpc_error(failed)
    assert (details.code, details.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNAUTHENTICATED")
    assert details.message.startswith(problem)
    assert seen.names == []


async def test_a_method_that_is_not_listed_is_forbidden(
    serve: Any, seen: Seen, call: Any, callers: CallerRegistry, service: str
) -> None:
    async with serve(callers=callers) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, "stream_unary", metadata=bearer(TOKEN))

    details = rpc_error(failed)
    assert (details.code, details.reason) == (grpc.StatusCode.PERMISSION_DENIED, "CALLER_FORBIDDEN")
    assert details.metadata == {"caller": "reader", "method": f"/{service}/stream_unary"}
    assert seen.names == []


async def test_a_refused_request_is_not_even_parsed(callers: CallerRegistry) -> None:

    parsed = []

    async def answer(request: Any, context: Any) -> bytes:
        return b""

    def register(_: Any, server: grpc.aio.Server) -> None:
        handler = grpc.unary_unary_rpc_method_handler(answer, request_deserializer=parsed.append)
        server.add_registered_method_handlers("test.v1.Parse", {"Parse": handler})

    async with serve_in_process(register, None, service="test.v1.Parse", callers=callers) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary("/test.v1.Parse/Parse")(b"hostile")
        await channel.unary_unary("/test.v1.Parse/Parse")(b"friendly", metadata=bearer("other-token"))

    assert parsed == [b"friendly"]


async def test_tokens_stay_out_of_logs_and_errors(
    serve: Any, call: Any, callers: CallerRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with serve(callers=callers) as channel:
        await call(channel, "unary_unary", metadata=bearer(TOKEN))
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, "unary_unary", metadata=bearer("wrong-token"))

    told = " ".join([caplog.text, repr([vars(record) for record in caplog.records]), repr(failed.value)])
    assert TOKEN not in told
    assert "wrong-token" not in told
    assert hash_token(TOKEN) not in told
