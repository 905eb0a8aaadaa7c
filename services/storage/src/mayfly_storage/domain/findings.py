"""What an examination finds: one answer per question, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Sequence


class Verdict(StrEnum):
    """How it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not as well, or not as surely, as it could."""
    FAILED = "failed"
    """A promise does not hold like this."""
    SKIPPED = "skipped"
    """It could not be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One answer. No part of it is a secret, a signed URL or personal data: it is printed, and logged."""

    verdict: Verdict
    detail: str
    """What was seen."""
    remedy: str = ""
    """What to do; never empty for WARNING and FAILED."""
    check: str = ""
    """The name of the question."""

    @classmethod
    def ok(cls, detail: str) -> Self:
        """All is well."""
        return cls(verdict=Verdict.OK, detail=detail)

    @classmethod
    def warning(cls, detail: str, remedy: str) -> Self:
        """It works, but."""
        return cls(verdict=Verdict.WARNING, detail=detail, remedy=remedy)

    @classmethod
    def failed(cls, detail: str, remedy: str) -> Self:
        """It does not do."""
        return cls(verdict=Verdict.FAILED, detail=detail, remedy=remedy)

    @classmethod
    def skipped(cls, detail: str) -> Self:
        """It could not be asked, and why."""
        return cls(verdict=Verdict.SKIPPED, detail=detail)


class ClaimAudit(Protocol):
    """Tries whether the store does what the settings say of it. Writes to it, and deletes what it wrote."""

    async def findings(self) -> Sequence[Finding]:
        """One for each kind of claim; FAILED where a promise would rest on what the store does not do."""


class DeletionAudit(Protocol):
    """Reads back those settings of the store that could keep copies of what was deleted."""

    async def findings(self) -> Sequence[Finding]:
        """One for each setting, by the store's own answer; FAILED where deleted bytes would live on."""
