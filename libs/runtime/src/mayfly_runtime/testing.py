"""For the tests of services: a real server in this process, a clock that waits for nobody, errors decoded."""

from __future__ import annotations

import re
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import grpc
import grpc.aio
from google.rpc import error_details_pb2, status_pb2

from mayfly_runtime.errors import STATUS_DETAILS_KEY, ErrorTable
from mayfly_runtime.identity import CallerRegistry
from mayfly_runtime.server import Readiness, RunningServer, ServerBuilder, ServerOptions
from mayfly_runtime.telemetry import Telemetry
from mayfly_runtime.violations import Violation

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

TEST_DOMAIN = "test.mayfly"
_PATIENCE = 60.0


@asynccontextmanager
async def serve_in_process(  # noqa: PLR0913 - each has a default
    register: Callable[[Any, grpc.aio.Server], None],
    servicer: object,
    *,
    service: str,
    errors: ErrorTable | None = None,
    domain: str = TEST_DOMAIN,
    callers: CallerRegistry | None = None,
    telemetry: Telemetry | None = None,
    readiness: Readiness | None = None,
    options: ServerOptions | None = None,
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
) -> AsyncIterator[grpc.aio.Channel]:
    """Serve one service on a free loopback port and give a channel to it; everything is closed at the end.

    Args:
        register: The generated `add_...Servicer_to_server`.
        servicer: Its implementation.
        service: The full name, for example `mayfly.storage.v1.StorageService`.
        errors: The service's error table.
        domain: `ErrorInfo.domain` of its errors.
        callers: Who may call what; by default everybody everything.
        telemetry: By default nothing is recorded.
        readiness: What its health follows.
        options: By default port 0 and a drain of one second.
        interceptors: For the channel.
    """
    builder = ServerBuilder(
        options or options_for_tests(),
        domain=domain,
        errors=errors or {},
        callers=callers or CallerRegistry.loopback_only(),
        telemetry=telemetry or Telemetry.disabled(),
    )
    builder.add(register, servicer, service=service, readiness=readiness)
    async with (
        running(builder) as server,
        grpc.aio.insecure_channel(server.address, interceptors=list(interceptors)) as channel,
    ):
        yield channel


@asynccontextmanager
async def running(builder: ServerBuilder) -> AsyncIterator[RunningServer]:
    """Start what a builder describes, for servers with several services; it is drained at the end."""
    server = await builder.start()
    try:
        yield server
    finally:
        await server.drain()


def options_for_tests(**changes: Any) -> ServerOptions:
    """Options of a server on a free loopback port that does not wait long when it drains."""
    return ServerOptions(**{"listen": "127.0.0.1:0", "drain": timedelta(seconds=1), **changes})


class FakeClock:
    """A clock that stands until it is told to advance. Pass `clock.now` and `clock.monotonic` as parameters."""

    def __init__(self, start: datetime = datetime(2025, 12, 8, 12, 0, tzinfo=UTC)) -> None:
        if start.tzinfo is None:
            raise ValueError("a FakeClock starts at an aware datetime, such as datetime(..., tzinfo=UTC)")
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        """The time, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._monotonic

    def advance(self, by: timedelta | float) -> datetime:
        """Let time pass, and answer the new time.

        Args:
            by: How much; a number is seconds.

        Raises:
            ValueError: If time would run backwards.
        """
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if step < timedelta(0):
            raise ValueError(f"time does not run backwards: {step}")
        self._now += step
        self._monotonic += step.total_seconds()
        return self._now


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcErrorDetails:
    """What a failed RPC told its caller."""

    code: grpc.StatusCode
    message: str
    reason: str | None = None
    domain: str | None = None
    metadata: Mapping[str, str]
    violations: tuple[Violation, ...] = ()
    retry_after: timedelta | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The request fields that are blamed."""
        return tuple(violation.field for violation in self.violations)


class HoldsError(Protocol):
    """pytest's `ExceptionInfo`, as far as it is used here."""

    @property
    def value(self) -> BaseException:
        """The exception."""


def rpc_error(failed: BaseException | HoldsError) -> RpcErrorDetails:
    """Decode a failed RPC: pass the exception, or what `pytest.raises` gave.

    Raises:
        AssertionError: If it is no RPC error, or its details break our promise of exactly one ErrorInfo.
    """
    error = failed if isinstance(failed, BaseException) else failed.value
    assert isinstance(error, grpc.RpcError), f"not an RPC error: {error!r}"
    call: Any = error
    status = status_pb2.Status()
    for key, value in call.trailing_metadata() or ():
        if key == STATUS_DETAILS_KEY:
            status = status_pb2.Status.FromString(value)
    return decode_status(status, code=call.code(), message=call.details() or "")


def decode_status(status: status_pb2.Status, *, code: grpc.StatusCode, message: str) -> RpcErrorDetails:
    """Decode a `google.rpc.Status`, as it comes with an RPC or within a batch answer."""
    info, violations, retry_after = error_details_pb2.ErrorInfo(), [], None
    infos = 0
    for detail in status.details:
        bad, retry = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            infos += 1
        elif detail.Unpack(bad):
            violations += [Violation(one.field, one.description) for one in bad.field_violations]
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.ToTimedelta()
    assert infos <= 1, f"{infos} ErrorInfos instead of one"
    return RpcErrorDetails(
        code=code,
        message=message,
        reason=info.reason or None,
        domain=info.domain or None,
        metadata=dict(info.metadata),
        violations=tuple(violations),
        retry_after=retry_after,
    )


def until_it_serves(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Where a service's process serves, and all that it has said until then.

    Args:
        process: It was told to take port 0, and its standard error is a pipe.
    """
    assert process.stderr is not None
    said = ""
    late = threading.Timer(_PATIENCE, process.kill)
    late.start()
    try:
        while not (served := re.search(r"serving address=(\S+)", said)):
            line = process.stderr.readline()
            assert line, f"it ended: {said}"
            said += line
    finally:
        late.cancel()
        late.join()
    return served[1], said
