"""What a text must be before it is spoken: NFC, not too long, and free of control characters."""

from __future__ import annotations

import unicodedata

from mayfly_synth.domain.errors import TextEmptyError, TextTooLongError, TextUnspeakableError
from mayfly_synth.domain.letters import is_control


def prepared(text: str, *, max_characters: int) -> str:
    """The NFC form of a whole text.

    Raises:
        TextEmptyError: If it is empty or only white space.
        TextTooLongError: If its NFC form has more than `max_characters` characters.
        TextUnspeakableError: If it holds a control character other than tab and line ends.
    """
    normal = unicodedata.normalize("NFC", text)
    if not normal.strip():
        raise TextEmptyError
    _check(normal, offset=0, max_characters=max_characters)
    return normal


class TextIntake:
    """Takes a text that comes in pieces, and holds it to the same rules as a whole one.

    Pieces are normalised and counted one by one. Where one begins with a mark of the letter before it, the two become
    one character when they are put together.
    """

    __slots__ = ("_blank", "_max_in_all", "_max_in_piece", "_said", "characters")

    def __init__(self, *, max_in_piece: int, max_in_all: int) -> None:
        self._max_in_piece = max_in_piece
        self._max_in_all = max_in_all
        self._blank = True
        self._said = 0
        self.characters = 0
        """How many characters have come so far."""

    def take(self, piece: str) -> str:
        """The NFC form of the next piece, which may be empty.

        Raises:
            TextTooLongError: If the piece, or the whole text so far, is too long.
            TextUnspeakableError: If the piece holds a control character; the position counts from the first piece.
        """
        normal = unicodedata.normalize("NFC", piece)
        _check(normal, offset=self.characters, max_characters=self._max_in_piece)
        self.characters += len(normal)
        if self.characters > self._max_in_all:
            raise TextTooLongError(characters=self.characters, max_characters=self._max_in_all)
        self._blank = self._blank and not normal.strip()
        return normal

    def say(self, characters: int) -> None:
        """Note that so many characters of it are said, which may be more than were written.

        Raises:
            TextTooLongError: If more is said than may be written.
        """
        self._said += characters
        if self._said > self._max_in_all:
            raise TextTooLongError(characters=self._said, max_characters=self._max_in_all)

    def end(self) -> None:
        """Say that no more pieces come.

        Raises:
            TextEmptyError: If all pieces together are empty or only white space.
        """
        if self._blank:
            raise TextEmptyError


def _check(normal: str, *, offset: int, max_characters: int) -> None:
    if len(normal) > max_characters:
        raise TextTooLongError(characters=len(normal), max_characters=max_characters)
    for index, character in enumerate(normal):
        if is_control(character):
            raise TextUnspeakableError(
                position=offset + index,
                why=f"the character at position {offset + index} is the control character U+{ord(character):04X}; "
                "only tab and line ends are allowed.",
            )
