"""The chain of certificates in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from mayfly_storage.domain.certificates import Certificate
from mayfly_storage.domain.errors import CertificateConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime


@dataclass(slots=True)
class MemoryCertificates:
    """A CertificateLog. Tests may read it."""

    now: Callable[[], datetime]
    lifetime: timedelta = timedelta(days=30)
    chain: list[Certificate] = field(default_factory=list)

    async def append(self, body: bytes, *, previous_sha256: bytes, request_id: str) -> Certificate:
        """Add one behind the newest."""
        newest = self.chain[-1] if self.chain else None
        if previous_sha256 != (newest.sha256 if newest else b""):
            raise CertificateConflictError(previous_sha256.hex())
        added = Certificate.behind(newest, body, request_id=request_id, create_time=self.now())
        self.chain = [one for one in self.chain if one.create_time > self.now() - self.lifetime] + [added]
        return added

    async def newest(self, *, before: int | None, limit: int) -> Sequence[Certificate]:
        """Newest first."""
        found = [one for one in reversed(self.chain) if before is None or one.sequence < before]
        return found[:limit]
