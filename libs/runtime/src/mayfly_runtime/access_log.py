"""The access log: one event per RPC, with what an operator asks first and nothing that is private.

No peer address, no request, no response: method, code, reason, caller, milliseconds, trace id.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio

from mayfly_runtime.interception import Call, Handler, Interceptor

if TYPE_CHECKING:
    from collections.abc import Callable

ACCESS_LOGGER: Final = "mayfly.access"

_log = logging.getLogger(ACCESS_LOGGER)


class AccessLogInterceptor(Interceptor):
    """Logs each RPC when it ends: INFO, or WARNING if the fault is ours."""

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock

    def wrap(self, inner: Handler, method: str) -> Handler:
        """Log how `inner` ended."""
        clock = self._clock

        async def log_access(request: Any, call: Call) -> Any:
            begun = clock()
            ended_by: BaseException | None = None
            try:
                return await inner(request, call)
            except BaseException as error:
                ended_by = error
                raise
            finally:
                _write(method, call.code(ended_by), call, clock() - begun)

        return log_access


_OURS: Final = frozenset(
    {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS, grpc.StatusCode.UNAVAILABLE}
)


def _write(method: str, code: grpc.StatusCode, call: Call, seconds: float) -> None:
    level = logging.WARNING if code in _OURS else logging.INFO
    if not _log.isEnabledFor(level):
        return
    # Made directly: `_log.log` would walk the stack for a file and a line that say nothing here.
    record = logging.LogRecord(ACCESS_LOGGER, level, "", 0, "rpc", (), None)
    fields = vars(record)
    fields["method"] = method
    fields["code"] = code.name
    fields["reason"] = call.reason
    fields["caller"] = call.caller
    fields["elapsed_ms"] = round(seconds * 1000, 1)
    _log.handle(record)
