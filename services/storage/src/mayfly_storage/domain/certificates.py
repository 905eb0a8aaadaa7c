"""Certificates of sweeps: a chain in which each names the hash of the one before it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MAX_BODY_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The evidence of one sweep, or of a part of it. Storage keeps the bytes and does not read them."""

    sequence: int
    """Its place in the chain, from 1."""
    body: bytes
    previous_sha256: bytes
    """Of the body before it; empty for the first."""
    request_id: str
    create_time: datetime

    @property
    def sha256(self) -> bytes:
        """What the next one names."""
        return hashlib.sha256(self.body).digest()

    @classmethod
    def behind(cls, newest: Certificate | None, body: bytes, *, request_id: str, create_time: datetime) -> Self:
        """The one that follows the newest."""
        return cls(
            sequence=newest.sequence + 1 if newest else 1,
            body=body,
            previous_sha256=newest.sha256 if newest else b"",
            request_id=request_id,
            create_time=create_time,
        )


class CertificateLog(Protocol):
    """The chain. It only grows at its end; after their lifetime, certificates leave at its beginning."""

    async def append(self, body: bytes, *, previous_sha256: bytes, request_id: str) -> Certificate:
        """Add one behind the newest, durably.

        Raises CertificateConflictError if `previous_sha256` is not that of the newest: somebody was faster. Exact
        however many append at once: two certificates never have one predecessor.
        """

    async def newest(self, *, before: int | None, limit: int) -> Sequence[Certificate]:
        """Up to `limit` certificates, newest first; with `before`, those with a smaller sequence."""
