"""The server's own answer to a stream of requests, where gRPC loses it.

A server that refuses early, say the first of many messages, answers while messages are still on their way. A write that
fails for that reason makes `grpc.aio` replace the answer, which it has already seen, by INTERNAL (grpc/grpc#36066).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
import grpc.aio

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

_T = TypeVar("_T")


@contextmanager
def as_answered(call: grpc.aio.Call) -> Iterator[None]:
    """Raise what the server answered to the call, whatever became of it afterwards."""
    seen: list[grpc.aio.AioRpcError] = []
    call.add_done_callback(lambda ended: seen.append(_status(ended)))
    try:
        yield
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.INTERNAL and seen and seen[0].code() is not grpc.StatusCode.OK:
            raise seen[0] from None
        raise


def _status(call: Any) -> grpc.aio.AioRpcError:
    """The status of a call that has just ended."""
    return grpc.aio.AioRpcError(
        _at_once(call.code()),
        initial_metadata=grpc.aio.Metadata(),
        trailing_metadata=_at_once(call.trailing_metadata()),
        details=_at_once(call.details()),
    )


def _at_once(known: Coroutine[Any, Any, _T]) -> _T:
    """What a coroutine answers that has nothing to wait for; nothing can be awaited in a callback."""
    try:
        known.send(None)
    except StopIteration as answer:
        value: _T = answer.value
        return value
    finally:
        known.close()
    raise RuntimeError("the call has not ended")
