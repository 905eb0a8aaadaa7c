from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest

from mayfly_client._answered import as_answered

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_FOUND, INTERNAL, OK = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INTERNAL, grpc.StatusCode.OK


class Call:
    """Ends with what the server says, or without a word of it."""

    def __init__(self) -> None:
        self.told: list[Callable[[Any], None]] = []

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self.told.append(callback)

    def end(self, status: grpc.StatusCode) -> None:
        self.status = status
        for callback in self.told:
            callback(self)

    async def code(self) -> grpc.StatusCode:
        return self.status

    async def details(self) -> str:
        return "said by the server"

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        return grpc.aio.Metadata(("why", "because"))


def failed(status: grpc.StatusCode) -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(status, nothing, nothing, details="Internal error from Core")


def end(answered: grpc.StatusCode | None, error: grpc.aio.AioRpcError) -> None:
    call: Any = Call()
    with as_answered(call):
        if answered is not None:
            call.end(answered)
        raise error


def raised(answered: grpc.StatusCode | None, error: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        end(answered, error)
    return caught.value


def test_what_the_server_said_first_is_told() -> None:
    error = raised(NOT_FOUND, failed(INTERNAL))

    assert (error.code(), error.details(), error.trailing_metadata()["why"]) == (
        NOT_FOUND,
        "said by the server",
        "because",
    )


@pytest.mark.parametrize("answered", [None, OK])
def test_a_fault_of_grpc_stays_one_where_the_server_refused_nothing(answered: grpc.StatusCode | None) -> None:
    error = failed(INTERNAL)

    assert raised(answered, error) is error


def test_any_other_failure_stays_as_it_is() -> None:
    error = failed(grpc.StatusCode.UNAVAILABLE)

    assert raised(NOT_FOUND, error) is error
