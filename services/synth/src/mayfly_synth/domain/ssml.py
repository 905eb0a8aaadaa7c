"""The part of SSML that is understood, and what each element does.

Everything else is an error, or a warning where that was asked for: what is asked for and not done is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from mayfly_synth.domain import ssml_values as values
from mayfly_synth.domain.errors import PhonemesUnknownError, SsmlError, TextEmptyError
from mayfly_synth.domain.lexicon import checked_phonemes
from mayfly_synth.domain.ssml_events import read_markup
from mayfly_synth.domain.ssml_script import ScriptWriter
from mayfly_synth.domain.utterance import Manner, Piece

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from mayfly_synth.domain.composing import Composer
    from mayfly_synth.domain.speech import Delivery
    from mayfly_synth.domain.utterance import Script

T = TypeVar("T")

ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    "speak": frozenset(("version", "xml:lang", "xsi:schemaLocation")),
    "p": frozenset(("xml:lang",)),
    "s": frozenset(("xml:lang",)),
    "break": frozenset(("time", "strength")),
    "prosody": frozenset(("rate", "volume")),
    "phoneme": frozenset(("alphabet", "ph")),
    "sub": frozenset(("alias",)),
    "say-as": frozenset(("interpret-as",)),
    "mark": frozenset(("name",)),
}
_SAY_AS: Final = ("characters", "digits", "spell-out")
_TEXT_ONLY: Final = frozenset(("phoneme", "sub", "say-as"))
_EMPTY: Final = frozenset(("break", "mark"))
_LONGEST_NAME: Final = 64
# Silence after a paragraph, in sentence silences.
_PARAGRAPH: Final = 3


def read_ssml(document: str, delivery: Delivery, composer: Composer, *, lenient: bool) -> Script:
    """The script of a document.

    Args:
        document: In NFC, not empty.
        delivery: How it will be spoken.
        composer: Makes utterances of its words.
        lenient: Answer what is not understood as warnings.

    Raises:
        SsmlError: If it is not well-formed, or has what is not understood.
        TextEmptyError: If there is nothing to speak in it.
    """
    interpreter = _Interpreter(delivery, ScriptWriter(composer), lenient)
    read_markup(document, interpreter)
    script = interpreter.writer.script()
    if not any(utterance.pieces for utterance in script.utterances):
        raise TextEmptyError
    return script


@dataclass(slots=True)
class _Open:
    """An element that has begun."""

    element: str
    attributes: Mapping[str, str]
    rate: float
    volume: float
    text: list[str] = field(default_factory=list, repr=False)


@dataclass(slots=True)
class _Interpreter:
    """Writes a script from the events of a document."""

    delivery: Delivery
    writer: ScriptWriter
    lenient: bool
    line: int = 1
    _open: list[_Open] = field(default_factory=list)

    def start(self, element: str, attributes: Mapping[str, str]) -> None:
        """Begin an element."""
        self._check(element, attributes)
        rate, volume = self.writer.rate, self.writer.volume
        opened = _Open(element, attributes, rate, volume)
        match element:
            case "p" | "s":
                self.writer.end()
            case "prosody":
                self._prosody(opened)
            case "break":
                self.writer.pause(self._break(attributes))
            case "mark":
                self.writer.mark(self._needed(element, attributes, "name", longest=_LONGEST_NAME))
        self._open.append(opened)

    def end(self, element: str) -> None:
        """End an element."""
        opened = self._open.pop()
        match element:
            case "s":
                self.writer.end()
            case "p":
                self.writer.end(self._paragraph())
            case "prosody":
                self.writer.turn(rate=opened.rate, volume=opened.volume)
            case "phoneme" | "sub" | "say-as":
                self.writer.piece(self._piece(opened))

    def characters(self, text: str) -> None:
        """Take text."""
        around = self._open[-1]
        if around.element in _TEXT_ONLY:
            around.text.append(text)
        elif around.element not in _EMPTY:
            self.writer.text(text)
        elif text.strip():
            raise self._wrong(f"<{around.element}> holds no text", around.element)

    def _check(self, element: str, attributes: Mapping[str, str]) -> None:
        around = self._open[-1].element if self._open else None
        if (element == "speak") is not (around is None):
            raise self._wrong("the outermost element, and no other, is <speak>", element, "speak")
        if around in _TEXT_ONLY or around in _EMPTY:
            raise self._wrong(f"<{around}> holds no other element", element)
        if element not in ATTRIBUTES:
            self._unknown(f"<{element}> is not supported", element, *sorted(ATTRIBUTES))
            return
        for name in sorted(attributes.keys() - ATTRIBUTES[element]):
            if name != "xmlns" and not name.startswith("xmlns:"):
                allowed = sorted(ATTRIBUTES[element])
                self._unknown(f"<{element}> has no attribute {name[:32]!r} that is supported", element, *allowed)
        language = attributes.get("xml:lang", "")
        if language and not self.delivery.voice.speaks(language):
            code = self.delivery.voice.language_code
            self._unknown(f"the voice does not speak the xml:lang of <{element}>", element, code)

    def _prosody(self, opened: _Open) -> None:
        rate, volume = opened.rate, opened.volume
        if (asked := opened.attributes.get("rate")) is not None:
            rate *= self._known("prosody", "rate", asked, values.rate(asked), *values.RATES, "120%")
        if (asked := opened.attributes.get("volume")) is not None:
            volume *= self._known("prosody", "volume", asked, values.volume(asked), *values.VOLUMES, "+6dB")
        if not values.LEAST_RATE <= rate * self.delivery.speed <= values.MOST_RATE:
            raise self._wrong("with the speed of all around it, the rate is not 0.25 to 4.0", "prosody")
        if volume * self.delivery.volume > values.MOST_VOLUME:
            raise self._wrong("with the volume of all around it, the volume is more than 2.0", "prosody")
        self.writer.turn(rate=rate, volume=volume)

    def _break(self, attributes: Mapping[str, str]) -> timedelta:
        if (time := attributes.get("time")) is not None:
            return self._known("break", "time", time, values.length(time), "0 to 10 s, as in 500ms or 1.5s")
        strength = attributes.get("strength", "medium")
        return self._known("break", "strength", strength, values.STRENGTHS.get(strength), *values.STRENGTHS)

    def _piece(self, opened: _Open) -> Piece:
        written = " ".join("".join(opened.text).split())
        if opened.element == "sub":
            return Piece(written, self._needed("sub", opened.attributes, "alias"))
        if opened.element == "say-as":
            return self._spelled(written, opened.attributes)
        alphabet = opened.attributes.get("alphabet", "ipa")
        self._known("phoneme", "alphabet", alphabet, alphabet if alphabet == "ipa" else None, "ipa")
        try:
            phonemes = self._needed("phoneme", opened.attributes, "ph")
            return Piece(written, checked_phonemes(phonemes, self.delivery.voice), Manner.PHONEMES)
        except PhonemesUnknownError as error:
            raise self._wrong(str(error).rstrip("."), "phoneme") from error

    def _spelled(self, written: str, attributes: Mapping[str, str]) -> Piece:
        kind = self._needed("say-as", attributes, "interpret-as")
        self._known("say-as", "interpret-as", kind, kind if kind in _SAY_AS else None, *_SAY_AS)
        if kind == "digits" and not any(character.isdigit() for character in written):
            raise self._wrong("<say-as> of digits holds no digit", "say-as")
        return Piece(written, written, Manner.SPELLED)

    def _paragraph(self) -> timedelta:
        return self.delivery.sentence_silence * _PARAGRAPH

    def _needed(self, element: str, attributes: Mapping[str, str], name: str, *, longest: int = 1_000) -> str:
        value = attributes.get(name, "").strip()
        if not value or len(value) > longest:
            raise self._wrong(f"<{element}> needs the attribute {name}, of 1 to {longest} characters", element)
        return value

    def _known(self, element: str, name: str, asked: str, value: T | None, *allowed: str) -> T:
        if value is None:
            raise self._wrong(f"{name} of <{element}> is not {asked[:32]!r}", element, *allowed)
        return value

    def _unknown(self, why: str, element: str, *allowed: str) -> None:
        if not self.lenient:
            raise self._wrong(why, element, *allowed)
        self.writer.warnings.append(f"Line {self.line}: {why}; it was left out.")

    def _wrong(self, why: str, element: str, *allowed: str) -> SsmlError:
        return SsmlError(why, line=self.line, element=element, allowed=allowed)
