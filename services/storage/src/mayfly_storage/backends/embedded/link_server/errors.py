"""What the link server refuses, in HTTP: small JSON that never repeats the link."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from mayfly_runtime.errors import ServerBusyError
from mayfly_storage.backends.embedded.link_keys import LinkRefusedError
from mayfly_storage.domain.errors import (
    BackendMisconfiguredError,
    BackendUnavailableError,
    ContentMismatchError,
    StorageError,
    StorageFullError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

logger = logging.getLogger(__name__)

ALWAYS: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
"""On every answer: a body is never taken for anything but its type, and a link never travels on as a referrer."""


class LinkError(Exception):
    """A refusal with its own status."""

    def __init__(self, status: int, reason: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Take the HTTP status, the reason as in ErrorInfo, and what to do about it."""
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.headers = dict(headers or {})

    @classmethod
    def link_expired(cls) -> LinkError:
        """The link's own end has come."""
        return cls(410, "LINK_EXPIRED", "The link has expired. Ask for a new one.")

    @classmethod
    def audio_gone(cls) -> LinkError:
        """The audio's end has come."""
        return cls(410, "AUDIO_GONE", "The audio has expired or was deleted.")

    @classmethod
    def audio_not_found(cls) -> LinkError:
        """There is nothing to read."""
        return cls(404, "AUDIO_NOT_FOUND", "There is no such audio.")


def _mismatch(error: ContentMismatchError) -> LinkError:
    if error.field == "attempt":
        return LinkError(412, "OBJECT_KEY_TAKEN", "Other bytes lie there already; nothing was overwritten.")
    return LinkError(400, "CONTENT_MISMATCH", str(error))


def _unavailable(_: StorageError) -> LinkError:
    return LinkError(503, "BACKEND_UNAVAILABLE", "The store does not answer. Try again.", {"Retry-After": "1"})


def _by_status(error: HTTPException) -> LinkError:
    status = HTTPStatus(error.status_code)
    return LinkError(status, status.name, status.description or status.phrase, error.headers)


_REFUSALS: Final[Mapping[type[Exception], Callable[[Any], LinkError]]] = {
    LinkError: lambda error: error,
    LinkRefusedError: lambda _: LinkError(
        403, "LINK_INVALID", "The link is not valid for this request. Ask for a new one."
    ),
    ContentMismatchError: _mismatch,
    StorageFullError: lambda error: LinkError(507, "STORAGE_FULL", str(error)),
    ServerBusyError: lambda _: LinkError(
        503, "SERVER_BUSY", "Too much is asked for at a time. Try again.", {"Retry-After": "1"}
    ),
    BackendUnavailableError: _unavailable,
    BackendMisconfiguredError: _unavailable,
    HTTPException: _by_status,
}
EXPECTED: Final = tuple(_REFUSALS)
"""What is no surprise."""


async def refuse(_: Request, error: Exception) -> Response:
    """Answer an error that was to be expected."""
    refusal = next(make(error) for kind, make in _REFUSALS.items() if isinstance(error, kind))
    return _answer(refusal)


async def refuse_unexpected(_: Request, error: Exception) -> Response:
    """Answer and log what should not have happened."""
    logger.error("link_failed", exc_info=error)
    return _answer(LinkError(500, "INTERNAL", "Something went wrong here; it was logged."))


def _answer(refusal: LinkError) -> Response:
    return JSONResponse(
        {"error": {"reason": refusal.reason, "message": str(refusal)}},
        status_code=refusal.status,
        headers={**ALWAYS, "Cache-Control": "no-store", **refusal.headers},
    )
