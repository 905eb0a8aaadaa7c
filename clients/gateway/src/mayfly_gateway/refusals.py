"""How refusals leave: JSON of the doors' own form, or of OpenAI's below `/v1/`."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from mayfly_client import MayflyError
from mayfly_gateway.errors import GatewayError, Problem, problem_of
from mayfly_gateway.openai_errors import as_openai

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.requests import Request

_GONE: Final = 499
"""Of a request whose caller has left; nginx calls it so in its logs, too."""
_REMEDIES: Final = {
    400: "Look at the form of the body.",
    408: "Send the body without pauses.",
    413: "Send less.",
}

_METHODS: Final = {"GET": ("GET", "HEAD"), "POST": ("POST",), "DELETE": ("DELETE",)}
"""What a door's method stands for in `Allow`."""

_log = logging.getLogger("mayfly.gateway")


def add_refusals(app: FastAPI) -> None:
    """Teach an application to refuse in the doors' forms."""
    for kind in (GatewayError, MayflyError, Exception):
        app.add_exception_handler(kind, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_wrong_fields)
    app.add_exception_handler(HTTPException, _refuse_by_status)
    app.add_exception_handler(ClientDisconnect, _tell_nobody)


def refusal(path: str, problem: Problem) -> Response:
    """The answer for a path."""
    body = as_openai(problem) if path.startswith("/v1/") else problem.body()
    return JSONResponse(body, status_code=problem.status, headers=problem.headers)


async def _refuse(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, OSError):
        # The exception's own text may hold what a guest wrote; its type and place are enough.
        _log.error("request.failed", extra={"kind": type(error).__name__, "where": _where(error)})
    return refusal(request.url.path, problem)


async def _refuse_wrong_fields(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    wrong = [_field_and_fault(one) for one in error.errors()]
    named = "; ".join(f"{name}: {what}" if name else what for name, what in wrong)
    problem = Problem(
        status=400 if request.url.path.startswith("/v1/") else 422,  # as OpenAI does
        reason="INVALID_REQUEST",
        message=f"The request is wrong: {named}.",
        remedy="Correct the fields that are named; /docs describes each of them.",
        violations=tuple(one for one in wrong if one[0]),
    )
    return refusal(request.url.path, problem)


def _field_and_fault(error: Mapping[str, Any]) -> tuple[str, str]:
    """A field and what is wrong with it; no field, where it is the body as a whole."""
    place = error["loc"][1:]
    if error["type"] == "json_invalid":
        return "", f"The body is no JSON; at character {place[0]}: {error['ctx']['error']}"
    if not place:
        return "", "The body must be a JSON object, sent as application/json"
    fault = "Expected a file" if "UploadFile" in error["msg"] else error["msg"]
    return ".".join(str(part) for part in place), fault


async def _refuse_by_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    if isinstance(error.__cause__, OSError):  # FastAPI takes what breaks while a body is read for the sender's fault
        return await _refuse(request, error.__cause__)
    status = HTTPStatus(error.status_code)
    remedy = _REMEDIES.get(status, "/docs lists what there is.")
    problem = Problem(status=status, reason=_reason(status), message=f"{status.phrase}.", remedy=remedy)
    answer = refusal(request.url.path, problem)
    answer.headers.update(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(_methods_of(request))
    return answer


def _methods_of(request: Request) -> list[str]:
    """What this path takes: the router itself names the methods of the first of its doors alone."""
    routes = request.app.router.routes
    return [
        name
        for method, names in _METHODS.items()
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
        for name in names
    ]


async def _tell_nobody(_request: Request, _error: Exception) -> Response:
    return Response(status_code=_GONE)


def _reason(status: HTTPStatus) -> str:
    # Python 3.13 has a new name for an old number.
    return "CONTENT_TOO_LARGE" if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else status.name


def _where(error: BaseException) -> str:
    """File and line of the innermost frame."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
