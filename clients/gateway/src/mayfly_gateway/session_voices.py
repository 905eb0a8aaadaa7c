"""System B's voices and languages: letters and names of the engine that it had before."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES: Final[Mapping[str, str]] = {
    "a": "en_US",
    "b": "en_GB",
    "e": "es",
    "f": "fr_FR",
    "h": "hi",
    "i": "it_IT",
    "j": "ja",
    "p": "pt_BR",
    "z": "zh_CN",
}
_THEIRS: Final = re.compile(r"[a-z][fm]_[a-z]+")


def language_for(code: str) -> str:
    """The language of a letter; anything longer is a language already."""
    return LANGUAGES.get(code, code)


def voice_for(name: str, mapped: Mapping[str, str]) -> str | None:
    """The voice that a name stands for; None, so that the language decides, for names such as `af_heart`."""
    if name in mapped:
        return mapped[name]
    return None if not name or _THEIRS.fullmatch(name) else name
