"""What a sweep needs from the outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mayfly_sweeper.domain.certificate import Certificate, CertificatePage, StoreFacts
    from mayfly_sweeper.domain.items import DueItem, Page, PurgeAnswer, Scope, Verdict


class Retention(Protocol):
    """Storage's retention service: it keeps the invariants, a sweep plans and paces.

    Every method raises `StorageUnavailableError` when storage did not answer (retries included) and
    `StorageRefusedError` when it answered and refused. Each call has an end.
    """

    async def list_expired(self, scope: Scope, page_token: str) -> Page:
        """One page of rows that are due. The listing may lag behind the truth; `purge` decides."""

    async def list_orphans(self, scope: Scope, page_token: str) -> Page:
        """One page of objects without a live row, rows without an object, and abandoned multipart uploads."""

    async def purge(self, items: Sequence[DueItem], *, validate_only: bool) -> PurgeAnswer:
        """Delete up to `MAX_BATCH` items, each only if it is still due; one result each, in order.

        Not atomic and idempotent. With `validate_only` it decides the same and deletes nothing.
        """

    async def verify_gone(self, items: Sequence[DueItem]) -> tuple[Verdict, ...]:
        """Ask the store itself whether up to `MAX_BATCH` items are gone; one verdict each, in order."""

    async def describe_store(self) -> StoreFacts:
        """What the store is, with those of its settings that could keep copies, read back just now."""


class Certificates(Protocol):
    """Storage's chain of certificates. Raises as `Retention` does."""

    async def append(self, body: bytes, *, previous_sha256: bytes, request_id: str) -> Certificate:
        """Add one behind the newest.

        Raises `CertificateConflictError` if `previous_sha256` is not that of the newest.
        """

    async def newest(self, *, page_size: int, page_token: str) -> CertificatePage:
        """A page of the chain, newest first."""
