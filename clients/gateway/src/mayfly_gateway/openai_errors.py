"""Refusals in OpenAI's form: what its SDKs turn into exceptions and other tools show to people."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mayfly_gateway.errors import Problem

_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
}

_PARAMS: Final = {"text": "input", "chunk": "file"}
"""What we call otherwise."""


def as_openai(problem: Problem) -> dict[str, Any]:
    """The body: `{"error": {"message", "type", "param", "code"}}`."""
    message = f"{problem.message} {problem.remedy}".strip()
    field = problem.violations[0][0] if problem.violations else problem.metadata.get("field")
    kind = "server_error" if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    return {
        "error": {
            "message": message,
            "type": _TYPES.get(problem.status, kind),
            "param": field and _PARAMS.get(field, field),
            "code": problem.reason.lower(),
        }
    }
