from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.addresses import CannotListenError, InvalidAddressError, ListenAddress, PortInUseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:50051", "127.0.0.1", 50051), ("localhost:0", "localhost", 0), ("[::1]:80", "::1", 80)],
)
def test_addresses_are_read_and_written(text: str, host: str, port: int) -> None:
    address = ListenAddress.parse(text)

    assert (address.host, address.port, str(address)) == (host, port, text)


def test_a_unix_socket_is_an_address() -> None:
    address = ListenAddress.parse("unix:/run/mayfly.sock")

    assert (address.host, str(address)) == ("/run/mayfly.sock", "unix:/run/mayfly.sock")


@pytest.mark.parametrize(
    "text", ["", "50051", ":50051", "host", "host:", "host:http", "host:70000", "::1:50051", "[]:1", "h:-1", "h:²"]
)
def test_what_is_no_address_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InvalidAddressError, match="write host:port"):
        ListenAddress.parse(text)


@pytest.mark.parametrize(
    "text", ["127.0.0.1:1", "127.8.9.10:1", "localhost:1", "LOCALHOST:1", "[::1]:1", "unix:/tmp/socket"]
)
def test_loopback_addresses_are_known(text: str) -> None:
    assert ListenAddress.parse(text).is_loopback


@pytest.mark.parametrize("text", ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "storage:1", "localhost.example:1"])
def test_other_addresses_are_no_loopback(text: str) -> None:
    assert not ListenAddress.parse(text).is_loopback


def test_a_free_address_passes() -> None:
    ListenAddress.parse("127.0.0.1:0").check()
    ListenAddress.parse("localhost:0").check()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])  # noqa: S104 - bound for a moment
def test_a_taken_port_is_named_with_a_way_out(host: str, taken: int) -> None:
    with pytest.raises(PortInUseError, match="in use by another process") as raised:
        ListenAddress.parse(f"{host}:{taken}").check()

    assert raised.value.address == f"{host}:{taken}"
    assert "choose another port" in str(raised.value)


def test_somebody_elses_address_is_explained() -> None:
    with pytest.raises(CannotListenError, match="does not belong to this machine"):
        ListenAddress.parse("198.51.100.7:1").check()


def test_an_unknown_host_is_explained() -> None:
    with pytest.raises(CannotListenError, match=r"'nowhere\.invalid' is not known"):
        ListenAddress.parse("nowhere.invalid:1").check()


def test_a_unix_socket_without_a_folder_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CannotListenError, match="not there, or not writable"):
        ListenAddress.parse(f"unix:{tmp_path}/missing/socket").check()


def test_a_unix_socket_that_is_served_is_not_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        with pytest.raises(PortInUseError):
            ListenAddress.parse(f"unix:{path}").check()


def test_a_unix_socket_that_a_dead_process_left_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))

    ListenAddress.parse(f"unix:{path}").check()
