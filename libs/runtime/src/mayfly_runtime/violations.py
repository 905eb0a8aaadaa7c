"""Field violations: everything that is wrong with one request, collected and told at once.

A request parser asks `Violations.require` for each rule and ends with `Violations.raise_if_any`. The error that
results becomes INVALID_ARGUMENT with a `google.rpc.BadRequest` that names every field (see `mayfly_runtime.errors`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NIL_UUID: Final = "00000000-0000-0000-0000-000000000000"
_MAX_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that one request field breaks."""

    field: str
    """Path of the field as the contract spells it, for example `text` or `destination.collection`."""

    description: str
    """What is allowed and what was given, in words that a caller can act on."""


class InvalidRequestError(Exception):
    """A request that breaks one or more rules of the contract."""

    def __init__(self, *violations: Violation) -> None:
        """Keep the violations; at least one is needed, or there would be nothing to mend.

        Raises:
            ValueError: Without any violation.
        """
        if not violations:
            raise ValueError("an InvalidRequestError needs at least one violation")
        super().__init__("; ".join(f"{violation.field}: {violation.description}" for violation in violations))
        self.violations: tuple[Violation, ...] = violations


class Violations:
    """Collects violations while a request is parsed, so that a caller hears of all problems at once."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[Violation] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def found(self) -> tuple[Violation, ...]:
        """What was collected so far, in the order in which it was found."""
        return tuple(self._found)

    def require(self, ok: bool, field: str, description: str) -> bool:  # noqa: FBT001 - reads as a sentence
        """Add a violation unless `ok`; answers `ok`, so that rules which depend on this one can be skipped."""
        if not ok:
            self.add(field, description)
        return ok

    def add(self, field: str, description: str) -> None:
        """Add a violation of `field`."""
        self._found.append(Violation(field, description))

    def request_id(self, text: str, *, field: str = "request_id") -> str:
        """Check a request_id: a UUID with hyphens, in any case; answers it in lower case.

        One rule for every service, so that a request that one of them takes can be passed on to the next. The other
        spellings that `uuid.UUID` takes (braces, `urn:uuid:`, no hyphens) are refused. What is answered after a
        violation is the UUID of zeros, which nobody sees: the parsing ends with it.
        """
        if not self.require(bool(text), field, "is required: a UUID; retries use the same one"):
            return _NIL_UUID
        told = f"must be a UUID, spelled like 0b1f2c3d-0000-4000-8000-000000000000; it is {text[:_MAX_SHOWN]!r}"
        lowered = text.lower()
        return lowered if self.require(_UUID.fullmatch(lowered) is not None, field, told) else _NIL_UUID

    def raise_if_any(self) -> None:
        """End the parsing.

        Raises:
            InvalidRequestError: With every violation that was collected.
        """
        if self._found:
            raise InvalidRequestError(*self._found)
