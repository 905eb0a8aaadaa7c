from __future__ import annotations

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2, status_pb2

from mayfly_runtime.testing import decode_status, rpc_error


def test_an_error_without_details_has_a_code_and_a_message() -> None:
    error = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details="nobody there"
    )

    details = rpc_error(error)

    assert (details.code, details.message, details.reason) == (grpc.StatusCode.UNAVAILABLE, "nobody there", None)


def test_anything_else_than_an_rpc_error_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="not an RPC error"):
        rpc_error(ValueError("no"))


def test_a_second_error_info_breaks_the_promise() -> None:
    status = status_pb2.Status()
    for _ in range(2):
        status.details.add().Pack(error_details_pb2.ErrorInfo(reason="X"))

    with pytest.raises(AssertionError, match="2 ErrorInfos"):
        decode_status(status, code=grpc.StatusCode.INTERNAL, message="")
