"""Whether the store can do what storage promises: asked once, at the start."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.errors import BackendUnavailableError, StorageError
from mayfly_storage.domain.findings import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from mayfly_storage.domain.findings import DeletionAudit
    from mayfly_storage.domain.ports import Backend

_ALLOW: Final = "Let storage's role read the settings of the bucket: `mayfly-storage policy` prints the rights."

logger = logging.getLogger("mayfly.storage.fitness")


class UnfitStoreError(Exception):
    """The store keeps copies of what is deleted, and storage was told to be strict; an operator has to act."""

    def __init__(self, bucket: str, findings: Sequence[Finding]) -> None:
        """Take the bucket, and what is wrong with it."""
        reasons = " ".join(f"{each.check}: {each.detail.rstrip('.')}. {each.remedy}" for each in findings)
        super().__init__(
            f"what is deleted from {bucket} would not be gone. {reasons} "
            "(MAYFLY_STORAGE_STRICT=false starts all the same, and warns.)"
        )
        self.findings = tuple(findings)


async def require_honest_deletion(backend: Backend, *, strict: bool, within: timedelta) -> None:
    """Look whether deleted bytes are gone. What may be amiss is logged as a warning.

    Raises:
        UnfitStoreError: If they are not, or the store does not say so, and `strict` is set.
        BackendUnavailableError: If the store does not answer, and `strict` is set.
    """
    if backend.audit is None:
        return
    findings = await _read_back(backend.audit, name=backend.name, strict=strict, within=within)
    amiss = [each for each in findings if each.verdict is not Verdict.OK]
    for each in amiss:
        facts = {"check": each.check, "verdict": each.verdict, "detail": each.detail, "remedy": each.remedy}
        logger.warning("store.keeps_copies", extra=facts)
    if strict and any(each.verdict is Verdict.FAILED for each in amiss):
        raise UnfitStoreError(backend.bucket, [each for each in amiss if each.verdict is Verdict.FAILED])


async def _read_back(audit: DeletionAudit, *, name: str, strict: bool, within: timedelta) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(within.total_seconds()):
            return await audit.findings()
    except TimeoutError:
        error: StorageError = BackendUnavailableError(name)
    except StorageError as refused:
        error = refused
    if strict and isinstance(error, BackendUnavailableError):
        raise error
    return [Finding(verdict=Verdict.FAILED, detail=str(error), remedy=_ALLOW, check="settings of the store")]
