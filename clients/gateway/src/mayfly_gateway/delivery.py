"""How something was said: silence, pauses and pace, measured from the sound alone."""

from __future__ import annotations

import io
import math
import statistics
import wave
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_FRAME_SECONDS: Final = 0.01
_QUIET_DB: Final = -35.0
"""Below the loud moments of the recording: what is quieter is no speech. Rooms differ, so it is relative."""
_SILENT_PEAK: Final = 66
"""-54 dBFS: a recording whose loud moments are below it is silent altogether."""
_SHORTEST_PAUSE: Final = 0.25
"""A stop within a word is shorter. Unit: seconds."""
_SYLLABLE_SECONDS: Final = 0.12
"""Two syllables are no nearer to each other. Unit: seconds."""
_DIP: Final = 0.75
"""Between two syllables the sound falls to this share of the quieter one, or below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was measured. Times in seconds."""

    duration: float
    silence: float
    """Time in pauses, and before and after the speech."""
    pauses: int
    """Within the speech."""
    longest_pause: float
    syllables_per_second: float
    """While there is speech: the loud moments between quieter ones. An estimate; 0 where there is none."""

    @property
    def silence_ratio(self) -> float:
        """Share of the time without speech."""
        return self.silence / self.duration if self.duration else 0.0


def measure(wav: bytes) -> Delivery:
    """Measure a WAV file of one channel and 16 bits.

    Raises:
        ValueError: It is no such file.
    """
    with wave.open(io.BytesIO(wav)) as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            raise ValueError("expected one channel of 16 bits")
        rate = file.getframerate()
        samples = array("h", file.readframes(file.getnframes()))
    size = max(1, round(rate * _FRAME_SECONDS))
    frames = [_loudness(samples[start : start + size]) for start in range(0, len(samples), size)]
    return _delivery(frames, len(samples) / rate)


def _loudness(frame: array[int]) -> int:
    return max(max(frame), -min(frame))  # noqa: PLW3301 - two passes in C, not one in Python


def _delivery(frames: Sequence[int], duration: float) -> Delivery:
    loud = statistics.quantiles(frames, n=20)[-1] if len(frames) > 1 else 0
    if loud < _SILENT_PEAK:
        return Delivery(duration=duration, silence=duration, pauses=0, longest_pause=duration, syllables_per_second=0.0)
    runs = _pauses([frame >= loud * math.pow(10, _QUIET_DB / 20) for frame in frames])
    within = [(start, end) for start, end in runs if start > 0 and end < len(frames)]
    silence = sum(end - start for start, end in runs) * _FRAME_SECONDS
    spoken = max(duration - silence, _FRAME_SECONDS)
    return Delivery(
        duration=duration,
        silence=min(silence, duration),
        pauses=len(within),
        longest_pause=max((end - start for start, end in within), default=0) * _FRAME_SECONDS,
        syllables_per_second=_syllables(frames, floor=loud * 0.1) / spoken,
    )


def _pauses(is_speech: Sequence[bool]) -> list[tuple[int, int]]:
    """Stretches without speech that are long enough, as frames from and to."""
    found, start = [], None
    for place, speaks in enumerate([*is_speech, True]):
        if not speaks and start is None:
            start = place
        elif speaks and start is not None:
            if (place - start) * _FRAME_SECONDS >= _SHORTEST_PAUSE:
                found.append((start, place))
            start = None
    return found


def _syllables(frames: Sequence[int], *, floor: float) -> int:
    """Loud moments that are far enough apart, with a dip between each two."""
    smooth = [sum(frames[max(0, at - 2) : at + 3]) / 5 for at in range(len(frames))]
    apart = round(_SYLLABLE_SECONDS / _FRAME_SECONDS)
    tops: list[int] = []
    for at in range(1, len(smooth) - 1):
        if smooth[at] < floor or not smooth[at - 1] <= smooth[at] > smooth[at + 1]:
            continue
        if not tops:
            tops.append(at)
            continue
        lower = min(smooth[tops[-1]], smooth[at])
        if at - tops[-1] >= apart and min(smooth[tops[-1] : at]) <= lower * _DIP:
            tops.append(at)
        elif smooth[at] > smooth[tops[-1]]:
            tops[-1] = at
    return len(tops)
