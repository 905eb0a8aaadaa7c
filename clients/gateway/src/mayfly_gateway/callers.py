"""Who may use the doors for apps: bearer tokens, compared in constant time."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import Final

ANONYMOUS: Final = "anonymous"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SHORTEST: Final = 16


@dataclass(frozen=True, slots=True)
class ApiCallers:
    """Names by token. Nobody, or everybody, where there are none."""

    tokens: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Pairs of a name and its token."""
    open_to_all: bool = False

    @classmethod
    def parse(cls, text: str) -> ApiCallers:
        """Read `name=token` pairs with commas between them, or on lines of their own.

        Raises:
            ValueError: A pair is none, a name is no name, or a token is so short that it could be guessed.
        """
        pairs = [part.strip() for line in text.splitlines() for part in line.split(",") if part.strip()]
        tokens = tuple(_pair(number, pair) for number, pair in enumerate(pairs, start=1))
        if not tokens:
            raise ValueError("callers names nobody; leave it out, or write name=token")
        return cls(tokens)

    def name_of(self, token: str | None) -> str | None:
        """Who shows this token; None for a stranger."""
        if self.open_to_all:
            return ANONYMOUS
        given = (token or "").encode()
        # All of them are compared, so that the time does not tell which one was nearly right.
        names = [name for name, known in self.tokens if hmac.compare_digest(known.encode(), given)]
        return names[0] if names else None


def _pair(number: int, text: str) -> tuple[str, str]:
    """One pair. Errors tell its number and never its text, which may be a secret."""
    name, equals, token = (part.strip() for part in text.partition("="))
    if not equals or not _NAME.fullmatch(name):
        raise ValueError(f"caller {number}: expected name=token, the name of letters, digits, dots, _ and -")
    if len(token) < _SHORTEST:
        raise ValueError(f"caller {number} ({name}): a token needs at least {_SHORTEST} characters")
    return name, token
