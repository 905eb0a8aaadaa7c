from __future__ import annotations

import asyncio
import socket
import sys
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from mayfly_runtime import probe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SERVICE = "test.v1.EchoService"
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.fixture
async def answers() -> health.aio.HealthServicer:
    """What the server answers; tests change it."""
    return health.aio.HealthServicer()


@pytest.fixture
async def address(answers: health.aio.HealthServicer) -> AsyncIterator[str]:
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(answers, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(0)


async def run_probe(*arguments: str) -> tuple[int, str]:
    """The probe as a container engine runs it: a process of its own, judged by its exit code."""
    command = (sys.executable, "-m", "mayfly_runtime.probe", "--timeout", "60", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_a_serving_server_is_healthy(address: str) -> None:
    code, said = await run_probe(address)

    assert (code, said) == (probe.ExitCode.HEALTHY, f"{address}: SERVING\n")


async def test_a_server_that_is_not_ready_is_unhealthy(address: str, answers: health.aio.HealthServicer) -> None:
    await answers.set("", NOT_SERVING)

    code, said = await run_probe(address)

    assert (code, said) == (probe.ExitCode.UNHEALTHY, f"{address}: NOT_SERVING\n")


async def test_one_service_can_be_asked_about(address: str, answers: health.aio.HealthServicer) -> None:
    await answers.set(SERVICE, SERVING)
    await answers.set("", NOT_SERVING)

    code, _ = await run_probe(address, SERVICE)

    assert code == probe.ExitCode.HEALTHY


async def test_an_unknown_service_is_unhealthy_and_named_by_its_status(address: str) -> None:
    code, said = await run_probe(address, "test.v1.NobodyService")

    assert code == probe.ExitCode.UNHEALTHY
    assert "NOT_FOUND" in said


async def test_a_port_where_nobody_listens_is_unhealthy() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"

        code, said = await run_probe(address)

    assert code == probe.ExitCode.UNHEALTHY
    assert "UNAVAILABLE" in said


def test_a_server_that_never_answers_is_unhealthy_after_the_timeout(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        code = probe.main([f"127.0.0.1:{silent.getsockname()[1]}", "--timeout", "0.1"])

    assert code == probe.ExitCode.UNHEALTHY
    assert "DEADLINE_EXCEEDED" in capsys.readouterr().out


def test_a_wrong_command_line_is_not_mistaken_for_an_unhealthy_server() -> None:
    with pytest.raises(SystemExit) as exit_:
        probe.main([])

    assert exit_.value.code == 2
