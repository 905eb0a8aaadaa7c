"""Where sentences end.

Piper speaks sentence by sentence, and so do timings, streaming and cancellation. Piper's own phonemizer finds sentence
ends, too, but does not tell which part of the text they belong to, so they are found here, by simple rules:

- a line end always ends a sentence;
- full stops, question and exclamation marks of Chinese and Japanese end one at once, others only before white space;
- no sentence ends where the text goes on in lower case (`"Stop!" he said`), after a title (`Dr. Smith`), after
  initials (`J. R. Smith`), before the number of a `No. 5`, or after the number of a list (`1. Milk`).

When in doubt two sentences stay together: a pause too few is heard less than a pause in the wrong place.
"""

from __future__ import annotations

import re
import unicodedata

from mayfly_synth.domain.letters import goes_on

# The characters are meant as they are, however much some of them look like others.
_CLOSERS = "\"'”’»›)\\]}」』）】〉》"  # noqa: RUF001
_OPENERS = "\"'“‘«‹([{「『（【¿¡"  # noqa: RUF001
_CANDIDATE = re.compile(
    r"(?P<line>[\n\r\u2028\u2029])"
    r"|(?P<wide>[。！？｡]+[”’」』）】〉》]*)"  # noqa: RUF001
    rf"|(?P<stop>[.!?…‥؟।॥։]+)[{_CLOSERS}]*"  # noqa: RUF001
)
_CLAUSE_END = re.compile(r"[,;:—–،、，；：]\s*|\s[-–—]\s")  # noqa: RUF001
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")

# A full stop after these belongs to the word, whatever follows.
_TITLES = ("mr", "mrs", "ms", "mx", "messrs", "mme", "mlle", "dr", "prof", "rev", "hon", "st", "mt", "ft", "hr", "sra")
_RANKS = ("gen", "col", "capt", "cmdr", "lt", "sgt")
_CONNECTIVES = ("e.g", "i.e", "cf", "vs", "viz", "approx", "ca", "z.b", "d.h", "bzw")
_NEVER_LAST = frozenset((*_TITLES, *_RANKS, *_CONNECTIVES))
# A full stop after these belongs to the word where a number follows.
_BEFORE_NUMBERS = frozenset(
    ("no", "nos", "nr", "vol", "fig", "figs", "eq", "p", "pp", "ch", "chap", "art", "sec", "para", "op")
)


def split(text: str, *, longest: int) -> list[str]:
    """The sentences of a whole text, as they were written, without the white space around them.

    Args:
        text: Text in NFC.
        longest: Most characters in a sentence, at least 2; a longer one is cut at a clause, or else at a space. It
            bounds the memory and the time of one inference.
    """
    buffer = SentenceBuffer(longest=longest)
    return buffer.feed(text) + buffer.rest()


class SentenceBuffer:
    """Takes a text in pieces, and answers each sentence as soon as its end is certain.

    The end is certain when what follows it is known: the next word, or a line end, or the end of the text.
    """

    __slots__ = ("_longest", "_text")

    def __init__(self, *, longest: int) -> None:
        self._longest = longest
        self._text = ""

    def feed(self, piece: str) -> list[str]:
        """Add a piece; answer the sentences that it completes."""
        if self._text[-1:].isspace() and piece.isspace() and not _CANDIDATE.search(piece):
            return []  # no more than the space that there is; what is kept is looked through each time
        # A letter and its accent may come in different pieces.
        self._text = unicodedata.normalize("NFC", self._text + piece)
        return self._take(final=False)

    def rest(self) -> list[str]:
        """Answer what is left: the text ends here."""
        return self._take(final=True)

    def _take(self, *, final: bool) -> list[str]:
        found: list[str] = []
        start = 0
        while (end := _sentence_end(self._text, start, final=final)) is not None:
            found += cut(self._text[start:end].strip(), self._longest)
            start = end
        self._text = self._text[start:].lstrip()
        if final:
            found += cut(self._text.strip(), self._longest)
            self._text = ""
        elif len(begun := self._text.rstrip()) > self._longest:
            *parts, last = cut(begun, self._longest)
            self._text = last + self._text[len(begun) :]
            found += parts
        return found


def _sentence_end(text: str, start: int, *, final: bool) -> int | None:
    """The end of the sentence that begins at `start`, if it is certain."""
    for match in _CANDIDATE.finditer(text, start):
        if match["line"]:
            return match.end()
        following = text[match.end() :].lstrip()
        if not following:
            if final:
                return match.end()
            continue  # a line may end after it
        if match["wide"]:
            return match.end()
        if text[match.end()].isspace() and _ends(text[start : match.start()], match["stop"], following):
            return match.end()
    return None


def _ends(before: str, stop: str, following: str) -> bool:
    """Whether a stop mark with white space after it ends the sentence."""
    if following[0].islower():
        return False
    if stop != ".":
        return True
    if before.strip().isdigit():
        return False
    word = (before.split() or [""])[-1].lstrip(_OPENERS)
    if word.lower() in _NEVER_LAST or (_INITIALS.fullmatch(word) and word.isupper()):
        return False
    return not (word.lower() in _BEFORE_NUMBERS and following[0].isdigit())


def cut(sentence: str, longest: int) -> list[str]:
    """A sentence in parts of at most `longest` characters, at a clause or a space; nothing if it is empty."""
    parts: list[str] = []
    while len(sentence) > longest:
        end = _best_cut(sentence, longest)
        parts.append(sentence[:end].rstrip())
        sentence = sentence[end:].lstrip()
    return [*parts, sentence] if sentence else parts


def _best_cut(sentence: str, longest: int) -> int:
    """After the last clause of the second half, else at the last space, else between two letters."""
    clauses = [match.end() for match in _CLAUSE_END.finditer(sentence, longest // 2, longest)]
    if clauses:
        return clauses[-1]
    space = sentence.rfind(" ", 1, longest + 1)
    if space > 0:
        return space
    # Thai and Khmer have no spaces, and a vowel that is cut off its letter is not spoken.
    return next((end for end in range(longest, 0, -1) if not goes_on(sentence[end])), longest)
