"""Piper's bridge to espeak-ng, without what it leaves behind at each call.

Piper sets espeak's voice before every text, and each time espeak-ng keeps 1.3 kB of what it loads. And the bridge does
not let go of the tuples that it answers. A server that speaks all day would grow by megabytes in an hour.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any, Final, TypeAlias

import piper
from piper import espeakbridge

Clauses: TypeAlias = list[tuple[str, str, bool]]
"""Phonemes, the mark at the end, and whether a sentence ends there."""

_OURS: Final = 3
"""References to an item of a list while it is looked at: the list's, the loop's, and that of the question."""

_let_go = ctypes.pythonapi.Py_DecRef
_let_go.argtypes = [ctypes.py_object]
_let_go.restype = None


class SparingBridge:
    """In the place of `piper.espeakbridge`. Piper holds its lock around each text, so nothing here needs one."""

    def __init__(self, bridge: Any) -> None:
        """Stand before the bridge."""
        self._bridge = bridge
        self._voice = ""

    def initialize(self, data: str) -> None:
        """Load espeak-ng."""
        self._bridge.initialize(data)
        self._voice = ""

    def set_voice(self, voice: str) -> None:
        """Have texts read in a language, if they are not already.

        Raises:
            RuntimeError: If espeak-ng does not know it.
        """
        if voice != self._voice:
            self._voice = ""
            self._bridge.set_voice(voice)
            self._voice = voice

    def get_phonemes(self, text: str) -> Clauses:
        """The phonemes of a text, clause by clause."""
        clauses: Clauses = self._bridge.get_phonemes(text)
        for clause in clauses:
            # Looked at, so that nothing is let go of twice once Piper does it.
            if sys.getrefcount(clause) > _OURS:
                _let_go(clause)
        return clauses


def install() -> None:
    """Have Piper go through it. More than once is no harm."""
    if not isinstance(piper.espeakbridge, SparingBridge):
        setattr(piper, "espeakbridge", SparingBridge(espeakbridge))  # noqa: B010 - it is no module, as types would have it
