from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status

from mayfly_runtime.errors import INTERNAL_MESSAGE, ErrorInterceptor, ErrorTable, Mapped, NotImplementedYetError
from mayfly_runtime.offload import OffloadFullError
from mayfly_runtime.testing import rpc_error, serve_in_process
from mayfly_runtime.violations import InvalidRequestError, Violation

if TYPE_CHECKING:
    from collections.abc import Callable

DOMAIN = "test.mayfly"


class AudioNotFoundError(Exception):
    def __init__(self, audio: str) -> None:
        super().__init__(f"There is no audio {audio}.")
        self.audio = audio


TABLE: ErrorTable = {AudioNotFoundError: Mapped(grpc.StatusCode.NOT_FOUND, "AUDIO_NOT_FOUND", ("audio",))}


def raising(exc: Exception) -> Callable[[Any], Any]:
    async def act(request: Any) -> None:
        raise exc

    return act


async def test_a_mapped_exception_reaches_the_caller_in_every_kind(serve: Any, echo: Any, call: Any, kind: str) -> None:
    echo.act = raising(AudioNotFoundError("audio/1"))

    async with serve(errors=TABLE) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, kind)

    details = rpc_error(failed)
    assert (details.code, details.reason, details.domain) == (grpc.StatusCode.NOT_FOUND, "AUDIO_NOT_FOUND", DOMAIN)
    assert details.metadata == {"audio": "audio/1"}
    assert details.message == "There is no audio audio/1."


async def test_an_unknown_exception_is_internal_with_a_fixed_text_in_every_kind(
    serve: Any, echo: Any, call: Any, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    echo.act = raising(RuntimeError("where the database lives"))

    async with serve() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, kind)

    details = rpc_error(failed)
    assert (details.code, details.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert details.message == INTERNAL_MESSAGE
    (record,) = [record for record in caplog.records if record.getMessage() == "rpc_failed"]
    assert record.__dict__["exception"] == "RuntimeError"
    assert "where the database lives" in record.__dict__["traceback"]
    assert "test_errors_over_grpc.py" in record.__dict__["traceback"]


async def test_a_table_that_names_a_missing_attribute_is_internal(
    serve: Any, echo: Any, call: Any, caplog: pytest.LogCaptureFixture
) -> None:
    echo.act = raising(AudioNotFoundError("audio/1"))
    wrong = {AudioNotFoundError: Mapped(grpc.StatusCode.NOT_FOUND, "AUDIO_NOT_FOUND", ("colour",))}

    async with serve(errors=wrong) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, "unary_unary")

    assert rpc_error(failed).reason == "INTERNAL"
    (record,) = [record for record in caplog.records if record.getMessage() == "rpc_failed"]
    assert "'AudioNotFoundError' object has no attribute 'colour'" in record.__dict__["traceback"]


async def test_a_response_that_cannot_be_sent_any_more_is_no_failure_of_ours(
    serve: Any, echo: Any, call: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    echo.act = raising(grpc.aio.InternalError("failed to send"))

    async with serve() as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await call(channel, "unary_unary")

    assert "rpc_failed" not in caplog.text
    (event,) = [record for record in caplog.records if record.name == "mayfly.access"]
    assert event.__dict__["code"] == "CANCELLED"


async def test_an_invalid_request_blames_its_fields(serve: Any, echo: Any, call: Any, kind: str) -> None:
    echo.act = raising(InvalidRequestError(Violation("text", "is empty"), Violation("voice", "is unknown")))

    async with serve() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, kind)

    assert rpc_error(failed).fields == ("text", "voice")
    assert rpc_error(failed).code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_full_pool_says_when_to_come_back(serve: Any, echo: Any, call: Any) -> None:
    echo.act = raising(OffloadFullError("s3", limit=8))

    async with serve() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, "unary_unary")

    details = rpc_error(failed)
    assert (details.code, details.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY")
    assert details.retry_after == timedelta(seconds=1)


async def test_a_group_from_a_task_group_is_told_as_what_it_holds(serve: Any, echo: Any, call: Any) -> None:
    async def act(request: Any) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(raising(AudioNotFoundError("audio/7"))(request))

    echo.act = act
    async with serve(errors=TABLE) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, "unary_unary")

    assert rpc_error(failed).reason == "AUDIO_NOT_FOUND"


async def test_the_largest_error_passes_the_metadata_limit_of_a_default_client(
    serve: Any, echo: Any, call: Any
) -> None:
    echo.act = raising(InvalidRequestError(*(Violation(f"items[{n}]", "ü" * 500) for n in range(500))))

    async with serve() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, "unary_unary")

    assert rpc_error(failed).reason == "INVALID_REQUEST"


async def test_the_standard_library_for_statuses_reads_our_errors(serve: Any, echo: Any, call: Any) -> None:
    echo.act = raising(AudioNotFoundError("audio/1"))

    async with serve(errors=TABLE) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, "unary_unary")

    status = rpc_status.from_call(failed.value)
    assert isinstance(status, status_pb2.Status)
    assert status.code == grpc.StatusCode.NOT_FOUND.value[0]
    assert len(status.details) == 1


async def test_responses_before_the_failure_arrive(serve: Any, echo: Any, service: str) -> None:
    echo.act = raising(AudioNotFoundError("audio/1"))
    async with serve(errors=TABLE) as channel:
        stream = channel.unary_stream(f"/{service}/unary_stream")(b"first")
        arrived = await stream.read()
        with pytest.raises(grpc.aio.AioRpcError):
            await stream.read()

    assert arrived == b"first"


class Proto:
    """A method that takes and gives protobuf."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def check(self, request: health_pb2.HealthCheckRequest, context: Any) -> Any:
        return self.answer(request)

    async def gather(self, requests: Any, context: Any) -> Any:
        return self.answer([request async for request in requests])

    def register(self, _: Any, server: grpc.aio.Server) -> None:
        types = (health_pb2.HealthCheckRequest.FromString, health_pb2.HealthCheckResponse.SerializeToString)
        handlers = {
            "unary": grpc.unary_unary_rpc_method_handler(self.check, *types),
            "stream": grpc.stream_unary_rpc_method_handler(self.gather, *types),
        }
        server.add_registered_method_handlers("test.v1.Proto", handlers)


async def fails(channel: grpc.aio.Channel, kind: str, payload: bytes) -> Any:
    method = getattr(channel, f"{kind}_unary")(f"/test.v1.Proto/{kind}")
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await method(payload if kind == "unary" else iter([payload]))
    return rpc_error(failed)


@pytest.mark.parametrize("kind", ["unary", "stream"])
async def test_bytes_that_are_no_request_are_an_invalid_request(kind: str) -> None:
    proto = Proto(lambda _: health_pb2.HealthCheckResponse())
    async with serve_in_process(proto.register, proto, service="test.v1.Proto") as channel:
        details = await fails(channel, kind, b"\xff\xff\xff")

    assert (details.code, details.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_a_response_of_the_wrong_type_is_internal() -> None:
    proto = Proto(lambda _: None)
    async with serve_in_process(proto.register, proto, service="test.v1.Proto") as channel:
        details = await fails(channel, "unary", b"")

    assert (details.code, details.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")


async def test_a_traceback_does_not_repeat_the_request(caplog: pytest.LogCaptureFixture) -> None:
    proto = Proto(lambda request: int(request.service))
    async with serve_in_process(proto.register, proto, service="test.v1.Proto") as channel:
        request = health_pb2.HealthCheckRequest(service="my secret diary")
        await fails(channel, "unary", request.SerializeToString())

    (record,) = [record for record in caplog.records if record.getMessage() == "rpc_failed"]
    assert "my secret diary" not in record.__dict__["traceback"]
    assert "ValueError: invalid literal for int() with base 10: '[request]'" in record.__dict__["traceback"]


async def test_the_interceptor_works_in_any_grpc_server(echo: Any, register: Any, call: Any, kind: str) -> None:
    echo.act = raising(NotImplementedYetError("Waiting"))
    server = grpc.aio.server(interceptors=[ErrorInterceptor(domain=DOMAIN, table={})])
    register(echo, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await call(channel, kind)
            with pytest.raises(grpc.aio.AioRpcError) as unknown:
                await channel.unary_unary("/no.such/Method")(b"")
    finally:
        await server.stop(0)

    assert rpc_error(failed).reason == "NOT_IMPLEMENTED"
    assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED
