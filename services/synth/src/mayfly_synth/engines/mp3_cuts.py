"""What is left of an MP3 file of which some samples are to be heard: whole frames, and where the sound lies in them.

Frames cannot be cut, but the first one of a file tells players where the sound begins and ends in what they decode (see
mp3.py), to the sample. So the frames go that nobody is to hear, and that one tells the rest.

A frame needs those before it: its sound laps over theirs, and its data may begin in theirs (the bit reservoir). So some
frames before the sound stay; and before these comes a silent frame, which carries the last of the data that went. What
every decoder makes of that are the samples that it makes of the whole file.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from mayfly_synth.engines import mp3

_LAP: Final = 2
"""Frames that a decoder needs before the one where the sound begins: those of MPEG-2 lap over two."""
_DELAY: Final = mp3.ENCODER_DELAY + mp3.DECODER_DELAY


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames, and where the sound lies in them."""

    parts: tuple[bytes | memoryview, ...]
    """Their bytes."""
    count: int
    delay: int
    """Samples before the sound, as an encoder would tell them."""

    @property
    def size(self) -> int:
        """Unit: bytes."""
        return sum(len(part) for part in self.parts)


def whole(frames: memoryview, first: mp3.FrameHeader) -> Frames:
    """Everything.

    Args:
        frames: Of a constant bit rate.
        first: Header of the first of them.
    """
    return Frames((frames,), mp3.frames_in(len(frames), first), mp3.ENCODER_DELAY)


def cut(frames: memoryview, first: mp3.FrameHeader, kept: range) -> Frames:
    """What is needed of a file.

    Args:
        frames: All of its frames, of a constant bit rate.
        first: Header of the first of them.
        kept: The samples to be heard, counted as they went into the encoder.
    """
    start = max((kept.start + _DELAY) // first.samples - _LAP, 0)
    end = min(-(-(kept.stop + _DELAY) // first.samples), mp3.frames_in(len(frames), first))
    left = frames[_place(frames, start, first) : _place(frames, end, first)]
    delay = mp3.ENCODER_DELAY + kept.start - start * first.samples
    if start == 0:
        return Frames((left,), end, delay)
    return Frames((_reservoir(frames, start, first), left), end - start + 1, delay + first.samples)


def _place(frames: memoryview, index: int, first: mp3.FrameHeader) -> int:
    """Where a frame begins: less than a byte from where it would with frames of the average size.

    Raises:
        ValueError: If there is none.
    """
    average = index * first.samples * first.bit_rate // (8 * first.sample_rate)
    if average + 1 >= len(frames):
        return len(frames)
    sync, near = first.raw[:2], max(average - 1, 0)
    return near + bytes(frames[near : average + 1 + len(sync)]).index(sync)


def _reservoir(frames: memoryview, index: int, first: mp3.FrameHeader) -> bytes:
    """A silent frame with the data that a frame may refer back to. The largest one has room for it at every rate."""
    before = -(-first.reach // (first.size - first.data_at))
    places = [_place(frames, each, first) for each in range(max(index - before, 0), index + 1)]
    data = b"".join(frames[start + first.data_at : end] for start, end in pairwise(places))
    frame = first.largest()
    return frame.raw.ljust(frame.data_at, b"\0") + data[-first.reach :].rjust(frame.size - frame.data_at, b"\0")
