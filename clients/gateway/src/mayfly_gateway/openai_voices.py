"""OpenAI's voice names, for tools that know no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES: Final = (
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
)


def voice_for(name: str, mapped: Mapping[str, str]) -> str | None:
    """The voice that a name stands for; None: the default one, as for OpenAI's names that nothing maps."""
    if name in mapped:
        return mapped[name]
    return None if name.lower() in NAMES else name
