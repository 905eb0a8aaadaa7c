"""An examination: questions asked one after the other, each answered whatever happens to it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from mayfly_storage.domain.errors import BackendMisconfiguredError, StorageError
from mayfly_storage.domain.findings import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

P = TypeVar("P")

LONGEST: Final = 90.0
"""Seconds that one question may take: a round trip of several requests, each with its retries."""

logger = logging.getLogger("mayfly.storage.doctor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Generic[P]):
    """One question to a patient."""

    name: str
    ask: Callable[[P], Awaitable[Finding]]
    needs: tuple[str, ...] = ()
    """Names of earlier checks that must not have failed: otherwise the same complaint would come again and again."""


async def examine(patient: P, checks: Sequence[Check[P]], *, within: float = LONGEST) -> AsyncIterator[Finding]:
    """A finding for each check, in order, as they come. Seconds are for each."""
    unwell: set[str] = set()
    for check in checks:
        missing = [name for name in check.needs if name in unwell]
        finding = Finding.skipped(f"needs {', '.join(missing)}") if missing else await _asked(check, patient, within)
        if finding.verdict in {Verdict.FAILED, Verdict.SKIPPED}:
            unwell.add(check.name)
        yield replace(finding, check=check.name)


async def _asked(check: Check[P], patient: P, within: float) -> Finding:
    try:
        async with asyncio.timeout(within):
            return await check.ask(patient)
    except TimeoutError:
        return Finding.failed(f"there was no answer within {within:.0f} s", "See whether the store is slow or away.")
    except BackendMisconfiguredError as error:
        return Finding.failed(
            f"{error.backend} refuses: {error.cause}",
            "Check credentials, names, region and rights; `mayfly-storage policy` prints the rights that are needed.",
        )
    except StorageError as error:
        return Finding.failed(str(error), "Mend that, then ask again.")
    except Exception as error:  # the other questions deserve their answers
        logger.exception("doctor.check_failed", extra={"check": check.name})
        return Finding.failed(f"the check itself failed: {type(error).__name__}", "The log has the details.")
