"""What the embedded backend can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from mayfly_runtime.server_options import CONNECTIONS_PER_REQUEST, HttpOptions

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkServerOptions:
    """The HTTP endpoint that honours signed links."""

    listen: str = "127.0.0.1:50080"
    """`host:port`; port 0 picks a free one. Links protect themselves, so it may face other machines."""
    max_requests: int = 64
    """How many requests run at a time; the next is told to come back. Bounds open files, and memory (256 KiB each)."""
    head_timeout: timedelta = timedelta(seconds=10)
    """How long a client may take to say what it wants."""
    idle_timeout: timedelta = timedelta(seconds=30)
    """How long a client may stall between two pieces of a body, in either direction."""
    transfer_timeout: timedelta = timedelta(minutes=5)
    """How long one transfer may take. A download is cut off earlier when its audio expires."""
    drain: timedelta = timedelta(seconds=10)
    """How long transfers may go on after the server was told to stop."""

    def __post_init__(self) -> None:
        if self.max_requests < 1:
            raise ValueError(f"max_requests must be at least 1, not {self.max_requests}")
        for name in ("head_timeout", "idle_timeout", "transfer_timeout"):
            if getattr(self, name) <= timedelta(0):
                raise ValueError(f"{name} must be longer than 0, not {getattr(self, name)}")

    def http_options(self) -> HttpOptions:
        """What of it concerns the HTTP server."""
        return HttpOptions(
            listen=self.listen,
            max_connections=CONNECTIONS_PER_REQUEST * self.max_requests,
            head_timeout=self.head_timeout,
            drain=self.drain,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedOptions:
    """One data folder and the links to what lies in it."""

    data_dir: Path
    """Everything is under it; made if it is missing. One process at a time may use it."""
    links: LinkServerOptions = field(default_factory=LinkServerOptions)
    link_base_url: str = ""
    """What links begin with, such as the address of a proxy. Empty: the address that the link server listens at."""
    link_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """Keys of the links, 32 bytes or more each: the first signs, all verify. Empty: made once, in the data folder."""
    headroom_bytes: int = 16 * 1024 * 1024
    """Room that audio leaves free on the disk, so that rows can still be written and a full store can be swept."""
    file_workers: int = 8
    """How many file operations run at a time."""
