"""The chain of certificates: appended by sweeps, read by whoever wants proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.errors import (
    CertificateConflictError,
    IdempotencyKeyReusedError,
    PageTokenInvalidError,
)

if TYPE_CHECKING:
    from datetime import datetime

    from mayfly_storage.domain.certificates import Certificate, CertificateLog
    from mayfly_storage.domain.findings import Finding
    from mayfly_storage.domain.stores import Backend

_RECENT: Final = 20
"""How far back a retry finds what its first try appended."""
_READ_AT_ONCE: Final = 4
_PAGE_BYTES: Final = 3 * 1024 * 1024
"""A page must fit into a message of 4 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendCertificate:
    """Adds one behind the newest."""

    log: CertificateLog

    async def __call__(self, body: bytes, *, previous_sha256: bytes, request_id: str) -> Certificate:
        """The certificate; a retry of an append whose answer was lost gets what it appended."""
        try:
            return await self.log.append(body, previous_sha256=previous_sha256, request_id=request_id)
        except CertificateConflictError:
            recent = await self.log.newest(before=None, limit=_RECENT)
            mine = [one for one in recent if one.request_id == request_id]
            if not mine:
                raise
            if (mine[0].body, mine[0].previous_sha256) != (body, previous_sha256):
                raise IdempotencyKeyReusedError(request_id) from None
            return mine[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatePage:
    """Newest first; an empty cursor says that it is the last."""

    certificates: tuple[Certificate, ...]
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCertificates:
    """Pages through the chain, from its end."""

    log: CertificateLog

    async def __call__(self, *, limit: int, cursor: str) -> CertificatePage:
        """A page of at most `limit` certificates, and of no more bytes than a message holds."""
        before = _sequence(cursor) if cursor else None
        found: list[Certificate] = []
        size, more = 0, True
        while more and len(found) < limit:
            batch = await self.log.newest(before=before, limit=min(_READ_AT_ONCE, limit - len(found)))
            more = bool(batch)
            for one in batch:
                size += len(one.body)
                if found and size > _PAGE_BYTES:
                    return CertificatePage(certificates=tuple(found), cursor=str(found[-1].sequence))
                found.append(one)
                before = one.sequence
        return CertificatePage(certificates=tuple(found), cursor=str(before) if more and before else "")


def _sequence(cursor: str) -> int:
    if not cursor.isdecimal():
        raise PageTokenInvalidError
    return int(cursor)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDescription:
    """What a certificate says of the store itself."""

    backend: str
    bucket: str
    region: str
    store_time: datetime
    settings: tuple[Finding, ...]
    """Those that could keep copies of what is deleted, as the store told them just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeStore:
    """Reads back what deletion rests on."""

    backend: Backend

    async def __call__(self) -> StoreDescription:
        """As it is now."""
        audit = self.backend.audit
        return StoreDescription(
            backend=self.backend.name,
            bucket=self.backend.bucket,
            region=self.backend.region,
            store_time=await self.backend.stores.first.blobs.store_time(),
            settings=tuple(await audit.findings()) if audit is not None else (),
        )
