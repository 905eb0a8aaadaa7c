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

    from mayfly_storage.domain.findings import ClaimAudit, DeletionAudit
    from mayfly_storage.domain.stores import Backend

_ALLOW: Final = "Give storage's role what it needs: `mayfly-storage policy` prints the rights."

logger = logging.getLogger("mayfly.storage.fitness")


class UnfitStoreError(Exception):
    """The store would break a promise, and storage was told to be strict; an operator has to act."""

    def __init__(self, broken: str, findings: Sequence[Finding]) -> None:
        """Take the promise that would be broken, and what is wrong."""
        reasons = " ".join(f"{each.check}: {each.detail.rstrip('.')}. {each.remedy}" for each in findings)
        super().__init__(f"{broken}. {reasons} (MAYFLY_STORAGE_STRICT=false starts all the same, and warns.)")
        self.findings = tuple(findings)


async def require_fit_store(backend: Backend, *, strict: bool, within: timedelta) -> None:
    """Look whether deleted bytes are gone, and (if `strict`) try whether the store does what is claimed of it.

    Raises:
        UnfitStoreError: If not, and `strict` is set.
        BackendUnavailableError: If the store does not answer, and `strict` is set.
    """
    await require_honest_deletion(backend, strict=strict, within=within)
    if strict:
        await require_true_claims(backend, within=within)


async def require_true_claims(backend: Backend, *, within: timedelta) -> None:
    """Try what the store does. Costs some writes; `mayfly-storage doctor` does the same.

    Raises:
        UnfitStoreError: If it does not do what the settings claim.
        BackendUnavailableError: If it does not answer.
    """
    if backend.claims is None:
        return
    findings = await _read_back(backend.claims, name=backend.name, strict=True, within=within)
    if lies := [each for each in findings if each.verdict is Verdict.FAILED]:
        raise UnfitStoreError(f"{backend.bucket} does not do what is claimed of it", lies)


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
        broken = f"what is deleted from {backend.bucket} would not be gone"
        raise UnfitStoreError(broken, [each for each in amiss if each.verdict is Verdict.FAILED])


async def _read_back(
    audit: DeletionAudit | ClaimAudit, *, name: str, strict: bool, within: timedelta
) -> Sequence[Finding]:
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
