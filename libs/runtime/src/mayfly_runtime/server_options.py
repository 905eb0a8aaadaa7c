"""What a server is told at its start: address, TLS, limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_runtime.deadlines import DEFAULT_DEADLINE

if TYPE_CHECKING:
    from pathlib import Path

KIB: Final = 1024
MIB: Final = 1024 * KIB
DEFAULT_DRAIN: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. They are read again when they change, so that certificates can be renewed without a restart."""

    cert: Path
    key: Path

    client_ca: Path | None = None
    """With it, every client must present a certificate that one of these authorities signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How a server serves."""

    listen: str
    """`host:port`, `[::1]:port` or `unix:/path`; port 0 picks a free one."""

    tls: TlsFiles | None = None

    health_listen: str | None = None
    """A second address that serves health alone, always in plaintext: for probes that have no certificate to show."""

    drain: timedelta = DEFAULT_DRAIN
    """How long running RPCs may go on once the server drains; afterwards they are cancelled."""

    reflection: bool = True

    max_concurrent_rpcs: int = 100
    """More are answered SERVER_BUSY at once. Health and reflection do not count."""

    default_deadline: timedelta = DEFAULT_DEADLINE
    """For callers who send none."""

    max_receive_bytes: int = 4 * MIB
    """Largest request message. Audio travels in chunks of at most 64 KiB, so this is for metadata calls."""

    max_metadata_bytes: int = 8 * KIB
    """Larger metadata is refused before a handler sees it."""

    max_connection_age: timedelta = timedelta(minutes=30)
    """Connections end about then (gRPC adds 10 % jitter), so that clients find new replicas."""

    max_connection_age_grace: timedelta = timedelta(seconds=60)
    """How long RPCs may go on upon a connection that is too old."""

    min_ping_interval: timedelta = timedelta(seconds=30)
    """Clients that ping more often are disconnected; ours ping every 60 s."""

    stream_window_bytes: int = 512 * 1024
    """How far a client may send ahead of what was read, in a stream. Left to itself, gRPC lets it grow with the line's
    speed, to tens of MiB for each upload. 512 KiB carry 50 MB/s over a round trip of 10 ms."""

    def channel_arguments(self) -> list[tuple[str, int]]:
        """The options as gRPC's core takes them."""
        return [
            # Two processes on one port would each answer half of the calls (Linux allows it by default).
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", self.max_receive_bytes),
            ("grpc.max_metadata_size", self.max_metadata_bytes),
            ("grpc.absolute_max_metadata_size", self.max_metadata_bytes),
            ("grpc.max_connection_age_ms", _ms(self.max_connection_age)),
            ("grpc.max_connection_age_grace_ms", _ms(self.max_connection_age_grace)),
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
            ("grpc.http2.min_ping_interval_without_data_ms", _ms(self.min_ping_interval)),
            ("grpc.http2.bdp_probe", 0),
            ("grpc.http2.lookahead_bytes", self.stream_window_bytes),
            # A backstop behind our own limit: no connection can open streams without end.
            ("grpc.max_concurrent_streams", 4 * self.max_concurrent_rpcs + 100),
        ]


CONNECTIONS_PER_REQUEST: Final = 4
"""Of those that HTTP clients keep open, most are idle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """How an HTTP server serves."""

    listen: str
    """`host:port` or `[::1]:port`; port 0 picks a free one."""

    max_connections: int
    """More are told 503 when they ask for something. The application bounds requests, and says so in its own words."""

    head_timeout: timedelta = timedelta(seconds=10)
    """How long a connection may take to say what it wants, and how long it may be idle."""

    take_timeout: timedelta = timedelta(minutes=1)
    """How long a client may take nothing of an answer's end. Paused players do; what they miss they ask for again."""

    drain: timedelta = DEFAULT_DRAIN
    """How long running requests may go on once the server drains; afterwards they are cut off."""


def _ms(duration: timedelta) -> int:
    return round(duration / timedelta(milliseconds=1))
