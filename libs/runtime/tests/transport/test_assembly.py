from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2_grpc

from mayfly_runtime.identity import Caller, CallerRegistry, hash_token
from mayfly_runtime.server import (
    CannotListenError,
    InvalidAddressError,
    PortInUseError,
    ServerBuilder,
    ServerOptions,
    ServiceAddedTwiceError,
    UnprotectedAddressError,
    WrongServiceNameError,
)
from mayfly_runtime.telemetry import Telemetry
from mayfly_runtime.testing import options_for_tests, rpc_error, running, serve_in_process

if TYPE_CHECKING:
    from pathlib import Path

TOKENS = CallerRegistry((Caller("known", ("*",), token_sha256=hash_token("token")),))


def build(options: ServerOptions | None = None, callers: CallerRegistry | None = None) -> ServerBuilder:
    return ServerBuilder(
        options or options_for_tests(),
        domain="test.mayfly",
        errors={},
        callers=callers or CallerRegistry.loopback_only(),
        telemetry=Telemetry.disabled(),
    )


async def test_the_bound_port_is_told(echo: Any, register: Any, service: str, call: Any) -> None:
    async with running(build().add(register, echo, service=service)) as server:
        assert server.port > 0
        assert server.address == f"127.0.0.1:{server.port}"
        async with grpc.aio.insecure_channel(server.address) as channel:
            assert await call(channel, "unary_unary") == [b"hello"]


@pytest.mark.parametrize("listen", ["localhost:0", "[::1]:0"])
async def test_every_loopback_address_needs_no_callers(listen: str, echo: Any, register: Any, service: str) -> None:
    if listen.startswith("[") and not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    builder = build(options_for_tests(listen=listen)).add(register, echo, service=service)
    async with running(builder) as server, grpc.aio.insecure_channel(server.address) as channel:
        await channel.channel_ready()

        assert server.port > 0


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def test_a_unix_socket_is_served(tmp_path: Path, echo: Any, register: Any, service: str, call: Any) -> None:
    listen = f"unix:{tmp_path}/socket"
    async with running(build(options_for_tests(listen=listen)).add(register, echo, service=service)) as server:
        assert (server.address, server.port) == (listen, 0)
        async with grpc.aio.insecure_channel(server.address) as channel:
            assert await call(channel, "unary_unary") == [b"hello"]


async def test_a_taken_port_is_refused(echo: Any, register: Any, service: str) -> None:
    async with running(build().add(register, echo, service=service)) as first:
        second = build(options_for_tests(listen=first.address)).add(register, echo, service=service)
        with pytest.raises(PortInUseError, match=first.address):
            await second.start()


async def test_a_port_can_be_used_again_after_draining(echo: Any, register: Any, service: str) -> None:
    async with running(build().add(register, echo, service=service)) as first:
        pass
    async with running(build(options_for_tests(listen=first.address)).add(register, echo, service=service)) as second:
        assert second.port == first.port


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "198.51.100.7:0", "storage:0"])
async def test_a_server_without_callers_is_not_shown_to_others(listen: str) -> None:
    with pytest.raises(UnprotectedAddressError, match="everybody who reaches it could do everything"):
        await build(options_for_tests(listen=listen)).start()


async def test_with_callers_a_server_may_be_reached_without_tls_but_says_so(
    echo: Any, register: Any, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    builder = build(options_for_tests(listen="0.0.0.0:0"), TOKENS)
    async with running(builder.add(register, echo, service=service)):
        assert "serving_without_tls" in caplog.text


@pytest.mark.parametrize(
    ("listen", "error"), [("nonsense", InvalidAddressError), ("unix:/no/such/folder/socket", CannotListenError)]
)
async def test_an_impossible_address_is_explained(listen: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await build(options_for_tests(listen=listen)).start()


async def test_a_service_cannot_be_added_twice(echo: Any, register: Any, service: str) -> None:
    builder = build().add(register, echo, service=service)

    with pytest.raises(ServiceAddedTwiceError, match=service):
        builder.add(register, echo, service=service)


async def test_a_service_is_added_under_its_own_name(echo: Any, register: Any, service: str) -> None:
    with pytest.raises(WrongServiceNameError, match=f"'test.v1.Typo' is not what was registered: {service}"):
        build().add(register, echo, service="test.v1.Typo")


async def test_a_blocking_method_is_refused_at_the_start(echo: Any, register: Any, service: str) -> None:
    def blocking(request: Any, context: Any) -> Any:
        return request

    echo.unary_unary = blocking

    with pytest.raises(TypeError, match=f"/{service}/unary_unary is served by a blocking function"):
        build().add(register, echo, service=service)


async def test_a_method_that_a_servicer_leaves_out_is_not_implemented() -> None:
    register, servicer = health_pb2_grpc.add_HealthServicer_to_server, health_pb2_grpc.HealthServicer()
    # The health service stands for any generated one; the runtime's own would take its place.
    builder = build(options_for_tests(reflection=False))
    builder.add(_renamed(register), servicer, service="test.v1.Generated")

    async with running(builder) as server, grpc.aio.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await channel.unary_unary("/test.v1.Generated/Check")(b"")

    details = rpc_error(failed)
    assert (details.code, details.reason) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED")
    assert details.metadata == {"feature": "The method /test.v1.Generated/Check"}


def _renamed(register: Any) -> Any:
    class Renaming:
        def __init__(self, server: Any) -> None:
            self.server = server

        def add_generic_rpc_handlers(self, handlers: Any) -> None:
            """Leave it at the registered handlers."""

        def add_registered_method_handlers(self, _: str, handlers: Any) -> None:
            self.server.add_registered_method_handlers("test.v1.Generated", handlers)

    return lambda servicer, server: register(servicer, Renaming(server))


async def test_handlers_that_are_only_generic_are_served_too(echo: Any, service: str, call: Any) -> None:
    def register(servicer: Any, server: grpc.aio.Server) -> None:
        handlers = {"unary_unary": grpc.unary_unary_rpc_method_handler(servicer.unary_unary)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))

    async with serve_in_process(register, echo, service=service) as channel:
        for _ in range(2):
            assert await call(channel, "unary_unary") == [b"hello"]


async def test_a_method_that_is_not_there_is_not_implemented(serve: Any, kind: str, call: Any) -> None:
    async with serve() as channel:
        method = getattr(channel, kind)("/no.such.Service/Method")
        outcome = method(b"" if kind.startswith("unary") else iter([b""]))
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await (outcome if kind.endswith("unary") else outcome.read())

    details = rpc_error(failed)
    assert (details.code, details.reason) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED")
    assert details.metadata == {"feature": "The method /no.such.Service/Method"}


async def test_a_method_that_is_not_there_is_not_shown_to_strangers(serve: Any) -> None:
    async with serve(callers=TOKENS) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await channel.unary_unary("/no.such.Service/Method")(b"")

    assert rpc_error(failed).reason == "CALLER_UNAUTHENTICATED"


async def test_a_request_above_the_limit_is_refused(serve: Any, call: Any) -> None:
    async with serve(options=options_for_tests(max_receive_bytes=1000)) as channel:
        assert await call(channel, "unary_unary", b"x" * 1000) == [b"x" * 1000]
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, "unary_unary", b"x" * 1001)

    assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_metadata_above_the_limit_is_refused(serve: Any, call: Any) -> None:
    async with serve() as channel:
        await call(channel, "unary_unary", metadata=(("x-large", "x" * 4000),))
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, "unary_unary", metadata=(("x-large", "x" * 9000),))

    assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
