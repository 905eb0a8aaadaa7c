from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from mayfly_runtime.identity import Caller, CallerRegistry
from mayfly_runtime.testing import options_for_tests

NOBODY = CallerRegistry((Caller("nobody", ("/x.Y/Z",), common_name="nobody"),))


async def listed(channel: grpc.aio.Channel) -> set[str]:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    answer = await call.read()
    return {service.name for service in answer.list_services_response.service}


async def test_tools_can_list_the_services_without_being_callers(serve: Any, service: str) -> None:
    async with serve(callers=NOBODY) as channel:
        assert await listed(channel) == {
            service,
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        }


async def test_reflection_can_be_turned_off(serve: Any) -> None:
    async with serve(options=options_for_tests(reflection=False)) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await listed(channel)

    assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED
