"""Field violations: everything that is wrong with one request, collected and told at once.

A request parser asks `Violations.require` for each rule and ends with `Violations.raise_if_any`. The error that
results becomes INVALID_ARGUMENT with a `google.rpc.BadRequest` that names every field (see `mayfly_runtime.errors`).
"""

from __future__ import annotations

from dataclasses import dataclass


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

    def raise_if_any(self) -> None:
        """End the parsing.

        Raises:
            InvalidRequestError: With every violation that was collected.
        """
        if self._found:
            raise InvalidRequestError(*self._found)
