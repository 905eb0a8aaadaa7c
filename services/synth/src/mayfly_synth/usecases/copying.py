"""Copies of inputs and outputs, for diagnosis: of everything, of what fails, or of nothing, which is the default.

A copy is what somebody said. It goes to the collection `debug`, with that collection's short life, under no user's
name: a pseudonym that changes every day is all that links copies to each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mayfly_synth.domain.processing import Processed
    from mayfly_synth.domain.processing_errors import ProcessingError
    from mayfly_synth.domain.processing_ports import DebugCopies
    from mayfly_synth.domain.speech import RequestKey


class Keep(Enum):
    """What copies are kept of."""

    OFF = "off"
    ERRORS = "errors"
    ALL = "all"


@dataclass(slots=True)
class Copies:
    """What may have to be copied, while it comes."""

    key: RequestKey
    is_wanted: bool
    _input: bytearray = field(default_factory=bytearray, repr=False)
    _output: tuple[bytes, str] | None = field(default=None, repr=False)

    def input(self, piece: bytes) -> None:
        """Remember a piece of the input."""
        if self.is_wanted:
            self._input += piece

    def output(self, processed: Processed) -> None:
        """Remember the output."""
        if self.is_wanted:
            self._output = processed.data, processed.format.content_type

    def kept(self, prefix: str) -> list[tuple[str, bytes, str]]:
        """Kind, bytes and content type of each; empty: told by their content."""
        copies = [(f"{prefix}-input", bytes(self._input), "")] if self._input else []
        return copies + ([(f"{prefix}-output", *self._output)] if self._output else [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """Decides what is copied."""

    keep: Keep = Keep.OFF
    to: DebugCopies | None = None

    def copies_of(self, key: RequestKey) -> Copies:
        """For one call: what may have to be copied costs its memory as long as the call lasts."""
        return Copies(key, is_wanted=self.to is not None and self.keep is not Keep.OFF)

    async def after_error(self, copies: Copies, error: ProcessingError, *, subject: str) -> None:
        """Copy what failed, and tell the error where the copies are."""
        kind = type(error).__name__.removesuffix("Error")
        names = await self._kept(copies, "error", subject=subject, error=kind)
        error.debug_input, error.debug_output = names.get("error-input"), names.get("error-output")

    async def after_success(self, copies: Copies, *, subject: str) -> tuple[str, ...]:
        """Copy everything, if everything is to be copied; answers storage's names."""
        if self.keep is not Keep.ALL:
            return ()
        return tuple((await self._kept(copies, "debug", subject=subject, error="")).values())

    async def _kept(self, copies: Copies, prefix: str, *, subject: str, error: str) -> dict[str, str]:
        names: dict[str, str] = {}
        if self.to is None or not copies.is_wanted:
            return names
        for kind, data, content_type in copies.kept(prefix):
            name = await self.to.keep(
                kind, data, content_type=content_type, key=copies.key, subject=subject, error=error
            )
            if name is not None:
                names[kind] = name
        return names
