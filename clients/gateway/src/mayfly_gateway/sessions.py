"""Sessions of speech: one synthesis, a file for each sentence, under an id of the second and the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_client import MayflyError
from mayfly_gateway.callers import ANONYMOUS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from mayfly_client import AsyncClient, Speech

COLLECTION: Final = "speech-sessions"
_TRIES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be said, by whom and how."""

    text: str
    user: str
    address: str
    """Of whoever has no name."""
    voice: str | None
    language: str
    url_life: timedelta | None


class SessionSpeaker:
    """Speaks in sessions. Two of the same user in the same second get ids of two seconds."""

    def __init__(self, mayfly: AsyncClient, now: Callable[[], datetime]) -> None:
        """Take the client and the clock."""
        self._mayfly = mayfly
        self._now = now
        self._latest = 0

    async def speak(self, wish: Wish) -> tuple[str, Speech]:
        """The session's id and what was said in it.

        Raises:
            MayflyError: It cannot be said or kept; or other replicas were faster, time and again.
        """
        for left in reversed(range(_TRIES)):
            session_id = f"{self._next_second()}_{wish.user}"
            try:
                return session_id, await self._speak_in(session_id, wish)
            except MayflyError as error:
                if not left or not _is_taken(error):
                    raise
        raise AssertionError("unreachable")

    def _next_second(self) -> int:
        self._latest = max(self._latest + 1, int(self._now().timestamp()))
        return self._latest

    async def _speak_in(self, session_id: str, wish: Wish) -> Speech:
        is_known = wish.user != ANONYMOUS
        return await self._mayfly.speak(
            wish.text,
            voice=wish.voice,
            language_code=None if wish.voice else wish.language,
            format="wav",
            collection=COLLECTION,
            key_fields={"session_id": session_id},
            user_id=wish.user if is_known else None,
            guest_address=None if is_known else wish.address,
            file_per_segment=True,
            url_ttl=wish.url_life,
        )


def _is_taken(error: MayflyError) -> bool:
    """Whether the session's keys are somebody else's, as synth or storage says it."""
    return "OBJECT_KEY_TAKEN" in {error.reason, error.metadata.get("storage_reason")}
