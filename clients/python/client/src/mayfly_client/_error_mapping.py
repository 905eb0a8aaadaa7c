"""From the status of a call to an exception of the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from mayfly_client import _error_types as types
from mayfly_client._error_types import ErrorFacts, MayflyError, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

_BY_REASON: Mapping[str, type[MayflyError]] = {
    "AUDIO_NOT_FOUND": types.AudioNotFoundError,
    "VOICE_UNKNOWN": types.VoiceNotFoundError,
    "SPEAKER_UNKNOWN": types.VoiceNotFoundError,
    "SWEEP_NOT_FOUND": types.SweepNotFoundError,
    "CONTENT_MISMATCH": types.ContentMismatchError,
    "QUOTA_EXCEEDED": types.QuotaExceededError,
    "STORAGE_FULL": types.StorageFullError,
}

_BY_CODE: Mapping[grpc.StatusCode, type[MayflyError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: types.InvalidRequestError,
    grpc.StatusCode.OUT_OF_RANGE: types.InvalidRequestError,
    grpc.StatusCode.NOT_FOUND: types.NotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: types.ConflictError,
    grpc.StatusCode.ABORTED: types.ConflictError,
    grpc.StatusCode.FAILED_PRECONDITION: types.PreconditionError,
    grpc.StatusCode.PERMISSION_DENIED: types.ForbiddenError,
    grpc.StatusCode.UNAUTHENTICATED: types.UnauthenticatedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: types.ServerBusyError,
    grpc.StatusCode.UNAVAILABLE: types.UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: types.DeadlineError,
    grpc.StatusCode.UNIMPLEMENTED: types.NotImplementedYetError,
    grpc.StatusCode.INTERNAL: types.ServerError,
    grpc.StatusCode.UNKNOWN: types.ServerError,
    grpc.StatusCode.DATA_LOSS: types.ServerError,
}

_CAUSES = {
    "Connection refused": "connection refused",
    "Domain name not found": "there is no such host",
    "Connection timed out": "connection timed out",
    "Socket closed": "the connection was closed",
    "Connection reset": "the connection was reset",
}

_DETAILS_KEY = "grpc-status-details-bin"


def error_type(reason: str, code: grpc.StatusCode | None) -> type[MayflyError]:
    """The class for a reason; else for a code; else MayflyError itself."""
    if reason in _BY_REASON:
        return _BY_REASON[reason]
    return MayflyError if code is None else _BY_CODE.get(code, MayflyError)


def from_rpc_error(error: grpc.RpcError, *, service: str = "", target: str = "") -> MayflyError:
    """Make the exception for a failed call, of either kind of channel.

    Args:
        error: What the call raised.
        service: Which server was called (`storage`, `synth`, `sweeper`), for failures that no server speaks about.
        target: Its address, for the same.
    """
    details = _details(error)
    if details is None:
        return _without_details(error, service=service, target=target)
    facts = _facts(error.code(), details)
    return error_type(facts.reason, facts.code)(error.details() or details.message, facts)


def _details(error: grpc.RpcError) -> status_pb2.Status | None:
    """The google.rpc.Status of the trailing metadata, if there is a readable one."""
    # Both kinds of channel have pairs here, though only one of them is typed so.
    trailer: Iterable[tuple[str, str | bytes]] = error.trailing_metadata() or ()  # type: ignore[assignment]
    for key, value in trailer:
        if key == _DETAILS_KEY:
            try:
                return status_pb2.Status.FromString(value if isinstance(value, bytes) else value.encode())
            except DecodeError:
                return None
    return None


def _facts(code: grpc.StatusCode, status: status_pb2.Status) -> ErrorFacts:
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    retry_after: timedelta | None = None
    for detail in status.details:
        if detail.Unpack(retry):
            retry_after = retry.retry_delay.ToTimedelta()
        elif not detail.Unpack(info):
            detail.Unpack(bad)
    return ErrorFacts(
        code=code,
        reason=info.reason or code.name,
        domain=info.domain,
        metadata=dict(info.metadata),
        violations=tuple(Violation(each.field, each.description) for each in bad.field_violations),
        retry_after=retry_after,
    )


def _without_details(error: grpc.RpcError, *, service: str, target: str) -> MayflyError:
    """No server of Mayfly said anything: the network, the channel or a proxy did."""
    code, text = error.code(), error.details() or ""
    domain = f"{service}.mayfly" if service else "client.mayfly"
    where = f"{service or 'the server'}{f' at {target}' if target else ''}"
    if code is grpc.StatusCode.UNAVAILABLE:
        facts = ErrorFacts(code=code, reason="NO_ANSWER", domain=domain)
        return types.UnavailableError(f"{where} does not answer ({_network_cause(text)})", facts)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return types.DeadlineError(
            f"{where} did not answer in time", ErrorFacts(code=code, reason=code.name, domain=domain)
        )
    facts = ErrorFacts(code=code, reason=code.name, domain=domain)
    return error_type("", code)(text or f"{where} answered {code.name}", facts)


def _network_cause(text: str) -> str:
    """The usual causes in few words: the channel's own text names every layer that it went through."""
    return next((meaning for words, meaning in _CAUSES.items() if words in text), text)
