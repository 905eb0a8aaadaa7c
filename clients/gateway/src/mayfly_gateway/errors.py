"""What the doors refuse, in one place: from a failure to a status, a reason, a sentence and a remedy."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import grpc

from mayfly_client import MayflyError, QuotaExceededError

if TYPE_CHECKING:
    from collections.abc import Mapping

_BY_CODE: Final[Mapping[grpc.StatusCode, int]] = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.FAILED_PRECONDITION: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 503,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.UNIMPLEMENTED: 501,
}
_BY_REASON: Final[Mapping[str, int]] = {
    "QUOTA_EXCEEDED": 429,
    "AUDIO_TOO_LARGE": 413,
    "TEXT_TOO_LONG": 413,
    "CONTENT_TYPE_NOT_ALLOWED": 415,
    "AUDIO_UNREADABLE": 422,
    "STORAGE_FULL": 507,
    "INVALID_REQUEST": 400,
}
_OURS: Final = "The gateway could not do its part; its log has the details."
_COME_AGAIN: Final = "Come again in a moment."
_SILENT: Final = "A service does not answer."
_LATE: Final = "A service did not answer in time."
_NO_ROOM: Final = "There is no room for another upload at the moment."
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One refusal, before it takes the form of a door."""

    status: int
    reason: str
    message: str
    remedy: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[tuple[str, str], ...] = ()
    """Pairs of a field and what is wrong with it."""
    retry_after: int | None = None
    """Whole seconds."""

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return {**headers, "WWW-Authenticate": "Bearer"} if self.status == HTTPStatus.UNAUTHORIZED else headers

    def body(self) -> dict[str, Any]:
        """The JSON of every door but OpenAI's."""
        told: dict[str, Any] = {"reason": self.reason, "message": self.message, "remedy": self.remedy}
        if self.metadata:
            told["metadata"] = dict(self.metadata)
        if self.violations:
            told["violations"] = [{"field": name, "description": wrong} for name, wrong in self.violations]
        if self.retry_after is not None:
            told["retry_after"] = self.retry_after
        return {"error": told}


class GatewayError(Exception):
    """A refusal of the gateway's own."""

    def __init__(self, status: int, reason: str, message: str, *, remedy: str = "", **facts: Any) -> None:
        """Take the HTTP status, the stable reason, a sentence for people, and what to do about it."""
        super().__init__(message)
        self.problem = Problem(status=status, reason=reason, message=message, remedy=remedy, **facts)

    @classmethod
    def of(cls, problem: Problem) -> GatewayError:
        """A refusal that is described already."""
        error = cls(problem.status, problem.reason, problem.message)
        error.problem = problem
        return error


def audio_gone() -> GatewayError:
    """The answer for what has ended: a normal one, and no fault."""
    return GatewayError(
        410, "AUDIO_GONE", "This audio has ended or was deleted.", remedy="Speak the text again if you need it."
    )


def problem_of(error: Exception) -> Problem:
    """What is told of a failure. Of an unexpected one: nothing but that it was one."""
    if isinstance(error, GatewayError):
        return error.problem
    if isinstance(error, MayflyError):
        return _told_by_a_service(error)
    if isinstance(error, OSError) and error.errno in _FULL:
        return Problem(status=503, reason="SERVER_BUSY", message=_NO_ROOM, remedy=_COME_AGAIN, retry_after=1)
    return Problem(status=500, reason="INTERNAL", message=_OURS, remedy=_COME_AGAIN)


def _told_by_a_service(error: MayflyError) -> Problem:
    status = _status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return Problem(status=500, reason="INTERNAL", message=_OURS, remedy=_COME_AGAIN)
    if status > HTTPStatus.INTERNAL_SERVER_ERROR and _is_silence(error):
        # The client's own words tell addresses of services, and how to start them: nobody's business out there.
        message = _LATE if status == HTTPStatus.GATEWAY_TIMEOUT else _SILENT
        retry_after = _retry_after(error, status)
        return Problem(status=status, reason=error.reason, message=message, remedy=_COME_AGAIN, retry_after=retry_after)
    if status == HTTPStatus.SERVICE_UNAVAILABLE and not error.domain.startswith(("storage", "synth", "sweeper")):
        return Problem(status=503, reason="UNAVAILABLE", message=_SILENT, remedy=_COME_AGAIN, retry_after=1)
    return Problem(
        status=status,
        reason=error.reason,
        message=error.message,
        remedy=error.remedy,
        metadata=error.metadata,
        violations=tuple((each.field, each.description) for each in error.violations),
        retry_after=_retry_after(error, status),
    )


def _status_of(error: MayflyError) -> int:
    for reason in (error.reason, error.metadata.get("storage_reason", "")):
        if reason in _BY_REASON:
            return _BY_REASON[reason]
    if isinstance(error, QuotaExceededError):
        return 429
    # PERMISSION_DENIED and UNAUTHENTICATED are of the gateway itself, not of its caller: a fault of the set-up.
    return 500 if error.code is None else _BY_CODE.get(error.code, 500)


def _is_silence(error: MayflyError) -> bool:
    """Whether no service said it, but the network, or the client that waited in vain: it has no reason of a service."""
    return error.reason == "NO_ANSWER" or (error.code is not None and error.reason == error.code.name)


def _retry_after(error: MayflyError, status: int) -> int | None:
    if error.retry_after is not None:
        return max(1, ceil(error.retry_after.total_seconds()))
    return 1 if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE} else None
