"""The voices that are loaded, and how one is chosen."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mayfly_synth.domain.errors import LanguageError, SpeakerUnknownError, VoiceUnknownError

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A Piper voice as callers see it."""

    name: str
    """Piper's name, e.g. `en_US-lessac-medium`."""
    language_code: str
    """E.g. `en_US`."""
    language: str
    """The language's own name, e.g. `English`."""
    quality: str
    """Piper's class: `x_low`, `low`, `medium` or `high`."""
    sample_rate: int
    """Unit: hertz."""
    speakers: tuple[str, ...] = ()
    """Names in the order of their ids; empty for a voice with one speaker."""
    has_alignments: bool = False
    """Whether the voice tells how long each phoneme lasts."""
    phonemes: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    """Those that it can say. Empty: not known."""

    def speaks(self, language_code: str) -> bool:
        """Whether the voice speaks a language: `en` is every English, `en_US` and `en-us` are one of them."""
        asked, own = _folded(language_code), _folded(self.language_code)
        return asked == own or own.startswith(f"{asked}_")

    def speaker_id(self, speaker: str) -> int:
        """The id of a speaker that is given by name, or by id in digits.

        Raises:
            SpeakerUnknownError: If the voice has no such speaker.
        """
        if speaker in self.speakers:
            return self.speakers.index(speaker)
        if speaker.isascii() and speaker.isdigit() and len(speaker) <= 6 and int(speaker) < len(self.speakers):
            return int(speaker)
        raise SpeakerUnknownError(voice=self.name, speaker=speaker, allowed=self.speakers)


class VoiceCatalog:
    """All loaded voices by name, and the one for requests that name none."""

    __slots__ = ("_by_name", "default")

    def __init__(self, voices: Iterable[Voice], *, default: str) -> None:
        """Keep the voices; `default` must be one of them."""
        self._by_name = {voice.name: voice for voice in sorted(voices, key=lambda voice: voice.name)}
        self.default = self._by_name[default]

    def speaking(self, language_code: str = "") -> tuple[Voice, ...]:
        """The voices of a language, or all of them, ordered by name."""
        return tuple(voice for voice in self._by_name.values() if not language_code or voice.speaks(language_code))

    def named(self, name: str) -> Voice:
        """The voice of a name.

        Raises:
            VoiceUnknownError: If no voice has it.
        """
        if voice := self._by_name.get(name):
            return voice
        raise VoiceUnknownError(name, near=near_names(name, self._by_name))

    def choose(self, name: str = "", *, language_code: str = "") -> Voice:
        """The voice for a request that may name a voice, a language, both or none.

        Raises:
            VoiceUnknownError: If no voice has the name.
            LanguageError: If the named voice, or every voice, speaks another language.
        """
        if name:
            voice = self.named(name)
            if language_code and not voice.speaks(language_code):
                raise LanguageError(language_code, allowed=(voice.language_code,), voice=name)
            return voice
        if not language_code or self.default.speaks(language_code):
            return self.default
        for voice in self.speaking(language_code):
            return voice
        raise LanguageError(language_code, allowed=sorted({voice.language_code for voice in self._by_name.values()}))


def near_names(name: str, names: Iterable[str], *, most: int = 3) -> list[str]:
    """The names that look most like `name`, whatever its case."""
    by_folded = {known.lower(): known for known in names}
    # A long name from outside cannot be near to any, and would only cost time.
    return [by_folded[near] for near in difflib.get_close_matches(name[:128].lower(), by_folded, n=most, cutoff=0.5)]


def _folded(language_code: str) -> str:
    return language_code.replace("-", "_").lower()
