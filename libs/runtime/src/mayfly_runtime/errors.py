"""From exceptions to status codes with details: one table per service, one place that aborts.

Use cases raise plain exceptions. A service's `ErrorTable` says what each of them looks like to a caller; the
interceptor here answers it as `google.rpc.Status` with

- exactly one `ErrorInfo` (domain, reason, metadata), always,
- a `BadRequest` for `InvalidRequestError` and wherever the table names a request field,
- a `RetryInfo` where the exception says when a retry may help (`retry_after`).

What is lost on purpose: everything about an exception that the table does not know. Its text may hold what a caller
must not see, so the caller gets INTERNAL with a fixed sentence, and the log gets the traceback.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, NoReturn, TypeAlias

import grpc
import grpc.aio
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2, status_pb2

from mayfly_runtime.interception import Call, Handler, Interceptor
from mayfly_runtime.refusals import MalformedRequestError, NotImplementedYetError, ServerBusyError
from mayfly_runtime.request_content import hide_request
from mayfly_runtime.violations import InvalidRequestError, Violation

__all__ = [
    "ErrorInterceptor",
    "ErrorResponder",
    "ErrorTable",
    "MalformedRequestError",
    "Mapped",
    "NotImplementedYetError",
    "ServerBusyError",
    "reason_of",
    "status_of",
]

INTERNAL_MESSAGE: Final = "Something went wrong inside the server. The server's log has the details."
STATUS_DETAILS_KEY: Final = "grpc-status-details-bin"

# Peers accept 8 KiB of trailing metadata. The message travels twice, once of it percent-encoded (three bytes for one),
# and the details base64-encoded (four for three): 3 * 600 + 4/3 * 4096 bytes are well within.
MAX_MESSAGE_BYTES: Final = 600
MAX_TEXT_BYTES: Final = 300
MAX_STATUS_BYTES: Final = 4096

_log = logging.getLogger("mayfly.errors")


@dataclass(frozen=True, slots=True)
class Mapped:
    """What an exception looks like to a caller. The message is `str(exception)`."""

    code: grpc.StatusCode

    reason: str
    """The name of the service's `ErrorReason` value, without the prefix `ERROR_REASON_`."""

    metadata: tuple[str, ...] = ()
    """Names of attributes of the exception that `ErrorInfo.metadata` repeats, so that no caller parses messages.
    An attribute that is None is left out: there is nothing to tell."""

    field: str | None = None
    """The request field to blame: adds a `BadRequest` with the message as its description."""

    field_from: str | None = None
    """Instead of `field`, where it differs from case to case: the exception's attribute that holds the field's path.
    The exception's `description`, if it has one, is what the `BadRequest` says about it."""


ErrorTable: TypeAlias = Mapping[type[Exception], Mapped]


RUNTIME_ERRORS: Final[ErrorTable] = {
    InvalidRequestError: Mapped(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
    MalformedRequestError: Mapped(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
    NotImplementedYetError: Mapped(grpc.StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED", ("feature",)),
    ServerBusyError: Mapped(grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY", ("resource", "limit")),
}
"""What every service answers alike. A service's own table comes first and may override it."""

_INTERNAL: Final = Mapped(grpc.StatusCode.INTERNAL, "INTERNAL")


def status_of(exc: Exception, *, domain: str, table: ErrorTable) -> status_pb2.Status:
    """Say what an exception looks like to a caller.

    Args:
        exc: The exception; the closest class of its MRO that has an entry counts. An `ExceptionGroup` is told as
            the first of its exceptions that has an entry.
        domain: `ErrorInfo.domain`, for example `storage.mayfly`.
        table: The service's table; `RUNTIME_ERRORS` applies where it has no entry.
    """
    told, mapped = _look_up(exc, table)
    message = INTERNAL_MESSAGE if mapped is _INTERNAL else _cut(str(told), MAX_MESSAGE_BYTES)
    status = status_pb2.Status(code=mapped.code.value[0], message=message)
    facts = {name: getattr(told, name) for name in mapped.metadata}
    metadata = {name: _cut(str(fact), MAX_TEXT_BYTES) for name, fact in facts.items() if fact is not None}
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=mapped.reason, domain=domain, metadata=metadata))
    retry_after = getattr(told, "retry_after", None)
    if mapped is not _INTERNAL and isinstance(retry_after, timedelta):
        delay = duration_pb2.Duration()
        delay.FromTimedelta(retry_after)
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    if violations := _violations(told, mapped, message):
        room = MAX_STATUS_BYTES - status.ByteSize()
        status.details.add().Pack(_bad_request(violations, room=room))
    return status


def reason_of(exc: Exception, table: ErrorTable) -> str:
    """The `ErrorInfo.reason` that a caller sees for an exception."""
    return _look_up(exc, table)[1].reason


class ErrorResponder:
    """Answers exceptions to callers: the only place that aborts an RPC."""

    __slots__ = ("_domain", "_table")

    def __init__(self, *, domain: str, table: ErrorTable) -> None:
        self._domain = domain
        self._table = table

    async def abort(self, call: Call, exc: Exception) -> NoReturn:
        """End a call with the status of an exception.

        `context.abort` and not `abort_with_status`: only the former leaves the code where outer interceptors see it.

        Raises:
            grpc.aio.AbortError: Always, as grpc.aio wants it.
        """
        try:
            status, call.reason = status_of(exc, domain=self._domain, table=self._table), reason_of(exc, self._table)
        except Exception as mistake:  # noqa: BLE001 - a table that names a missing attribute still gets an answer
            exc = mistake
            status, call.reason = status_of(exc, domain=self._domain, table={}), _INTERNAL.reason
        code = _CODES[status.code]
        if code is grpc.StatusCode.INTERNAL:
            _log_internal(call, exc)
        await call.context.abort(code, status.message, ((STATUS_DETAILS_KEY, status.SerializeToString()),))


class ErrorInterceptor(Interceptor):
    """Answers what a servicer raises. Innermost, so that everything around it sees the final status."""

    def __init__(self, *, domain: str, table: ErrorTable) -> None:
        self._responder = ErrorResponder(domain=domain, table=table)

    def wrap(self, inner: Handler, method: str) -> Handler:  # noqa: ARG002 - one behaviour for every method
        """Answer the exceptions of `inner`; cancellation and an abort that already happened pass through."""
        responder = self._responder

        async def answer_errors(request: Any, call: Call) -> Any:
            try:
                return await inner(request, call)
            except (grpc.aio.AbortError, grpc.aio.InternalError):
                # Answered already, or nobody is there to answer.
                raise
            except asyncio.CancelledError as cancelled:
                if _is_cancelled():
                    raise
                await responder.abort(call, StrayCancellationError(cancelled))
            except Exception as error:  # noqa: BLE001 - the last place that can answer it
                await responder.abort(call, error)

        return answer_errors


class StrayCancellationError(Exception):
    """A `CancelledError` that nobody meant for this RPC, from something cancelled that it waited for.

    Passed on, it would end the RPC without any status, and its caller would wait until the deadline.
    """

    def __init__(self, cause: asyncio.CancelledError) -> None:
        super().__init__("something that the handler waited for was cancelled, but the RPC was not")
        self.__cause__ = cause


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _log_internal(call: Call, exc: Exception) -> None:
    """Log the traceback, and nothing of the request: its text is nobody's business."""
    told = hide_request("".join(traceback.format_exception(exc)).rstrip(), call.request)
    _log.error("rpc_failed", extra={"method": call.method, "exception": type(exc).__name__, "traceback": told})


_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


def _look_up(exc: Exception, table: ErrorTable) -> tuple[Exception, Mapped]:
    for candidate in _leaves(exc):
        for cls in type(candidate).__mro__:
            mapped = table.get(cls) or RUNTIME_ERRORS.get(cls)
            if mapped is not None:
                return candidate, mapped
    return exc, _INTERNAL


def _leaves(exc: Exception) -> list[Exception]:
    if not isinstance(exc, ExceptionGroup):
        return [exc]
    return [leaf for part in exc.exceptions for leaf in _leaves(part)]


def _violations(exc: Exception, mapped: Mapped, message: str) -> tuple[Violation, ...]:
    if isinstance(exc, InvalidRequestError):
        return exc.violations
    if mapped.field_from is not None:
        return (Violation(getattr(exc, mapped.field_from), getattr(exc, "description", message)),)
    return (Violation(mapped.field, message),) if mapped.field else ()


def _bad_request(violations: tuple[Violation, ...], *, room: int) -> error_details_pb2.BadRequest:
    """As many violations as there is room for; the first always is told."""
    told = error_details_pb2.BadRequest()
    for violation in violations:
        told.field_violations.add(
            field=_cut(violation.field, MAX_TEXT_BYTES), description=_cut(violation.description, MAX_TEXT_BYTES)
        )
        if told.ByteSize() > room and len(told.field_violations) > 1:
            del told.field_violations[-1]
            break
    return told


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8; lone surrogates, which protobuf refuses, become question marks."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - len("…".encode())].decode(errors="ignore") + "…"
