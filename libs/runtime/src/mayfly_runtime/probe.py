"""`python -m mayfly_runtime.probe ADDRESS [SERVICE]`: ask a server for its health, for containers without other tools.

Exit codes: 0 the server answers SERVING; 1 it answers something else, or nothing; 2 the command line is wrong. The one
line of output ends up in `docker inspect` or in the pod's events, so it says what to look at.
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_TIMEOUT: Final = timedelta(seconds=3)


class ExitCode(IntEnum):
    """What the container engine sees."""

    HEALTHY = 0
    UNHEALTHY = 1


def main(arguments: Sequence[str] | None = None) -> ExitCode:
    """Ask once, print the answer on one line, and return the exit code."""
    options = _parser().parse_args(arguments)
    healthy, answer = ask(options.address, options.service, timeout=timedelta(seconds=options.timeout))
    sys.stdout.write(f"{options.address}: {answer}\n")
    return ExitCode.HEALTHY if healthy else ExitCode.UNHEALTHY


def ask(address: str, service: str = "", *, timeout: timedelta = DEFAULT_TIMEOUT) -> tuple[bool, str]:
    """Ask a plaintext server whether it serves.

    Args:
        address: A gRPC target, usually `127.0.0.1:port`.
        service: A full service name; empty for the server as a whole.
        timeout: End of the call, connecting included.

    Returns:
        Whether the answer is SERVING, and the answer in words.
    """
    # A company's proxy has no way back to this machine.
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            response = health_pb2_grpc.HealthStub(channel).Check(  # type: ignore[attr-defined] # set when it is made
                health_pb2.HealthCheckRequest(service=service), timeout=timeout.total_seconds()
            )
        except grpc.RpcError as error:
            return False, f"{error.code().name}: {error.details()}"
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)
    return response.status == health_pb2.HealthCheckResponse.SERVING, status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mayfly_runtime.probe", description="Ask a gRPC server for its health."
    )
    parser.add_argument("address", help="host:port of a plaintext server")
    parser.add_argument("service", nargs="?", default="", help="full name of a service; default: the server as a whole")
    parser.add_argument(
        "--timeout", type=float, default=DEFAULT_TIMEOUT.total_seconds(), metavar="SECONDS", help="default: %(default)g"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
