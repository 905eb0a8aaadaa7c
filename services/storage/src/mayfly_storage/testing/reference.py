"""The reference model of storage, a dict; and a fuse that stops a use case half-way, as a crash would."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from mayfly_storage.domain.audio import Audio, AudioName
    from mayfly_storage.domain.failpoints import Failpoint


class Crash(BaseException):
    """What was under way is over; nothing tidies up."""


@dataclass
class Fuse:
    """A `Reach` that blows at the armed failpoint. Blown, it lets nothing happen: the process is dead."""

    armed: Failpoint | None = None
    blown_at: Failpoint | None = None

    def __call__(self, point: Failpoint, /) -> None:
        """Go on, or raise Crash."""
        if self.blown_at is None and point is self.armed:
            self.blown_at = point
        if self.blown_at is not None:
            raise Crash(self.blown_at)

    def arm(self, point: Failpoint | None) -> None:
        """Start again, to crash at a failpoint; None: never."""
        self.armed, self.blown_at = point, None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a caller was told that storage keeps."""

    audio: Audio
    body: bytes


@dataclass
class Reference:
    """All that storage acknowledged, and has to give back."""

    kept: dict[AudioName, Kept] = field(default_factory=dict)
    gone: set[AudioName] = field(default_factory=set)
    """Deleted; never to be seen again."""

    def acknowledge(self, audio: Audio, body: bytes) -> None:
        """A caller was told that it is stored."""
        if audio.name in self.gone:
            raise AssertionError(f"{audio.name} was deleted, and is acknowledged again")
        self.kept[audio.name] = Kept(audio, body)

    def delete(self, name: AudioName) -> None:
        """A caller asked for it, and D1 has happened."""
        self.kept.pop(name, None)
        self.gone.add(name)

    def readable(self, now: datetime) -> dict[AudioName, Kept]:
        """What every caller can read now."""
        return {name: kept for name, kept in self.kept.items() if not kept.audio.is_expired(now)}
