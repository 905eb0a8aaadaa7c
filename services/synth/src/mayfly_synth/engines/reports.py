"""What ffmpeg says on standard error, read line by line while it says it.

It may say a great deal of a hostile file, so nothing is kept but the end of it, for the log, and the few numbers that
our own filters print. It also says what the file's tags are called, line feeds and all: whoever names a tag could write
a line that looks like a filter's. So the filters that count have a mark in their names that no file can know.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Final

from mayfly_synth.domain.formats import Loudness

MOST_KEPT: Final = 4096
"""Bytes of the end of what was said."""
_LONGEST_LINE: Final = 2048

_SAMPLES: Final = re.compile(r"^\[astats@(in|out)(\w*) @ \w+\] Number of samples: (\d{1,15})$")
_PASSED: Final = re.compile(r"^\[ashowinfo@(in|out)(\w*) @ \w+\] n:\d+ .* rate:(\d{1,9}) nb_samples:(\d{1,9}) ")
# ffmpeg 5.1 does not say which of the filters it is; there is one.
_SILENCE: Final = re.compile(
    r"^\[silencedetect(?:@ends(\w*))? @ \w+\] silence_(start|end): (-?\d{1,9}(?:\.\d{1,12})?(?:e[+-]\d{1,2})?)(?![\d.])"
)
_DECIBELS: Final = r"(-?\d{1,6}(?:\.\d{1,6})?|-inf|nan)"
_INTEGRATED: Final = re.compile(rf"^ +I: +{_DECIBELS} LUFS$")
_PEAK: Final = re.compile(rf"^ +Peak: +{_DECIBELS} dBFS$")
_PROGRESS: Final = re.compile(r"^out_time_us=(\d{1,18})$")


@dataclass(slots=True)
class Report:
    """The numbers, as far as they were said. Lengths in seconds."""

    mark: str = field(default="", repr=False)
    """What the names of our filters end in. Letters and digits."""
    kept: bytes = field(default=b"", repr=False)
    """The end of everything that was said."""
    samples: dict[str, int] = field(default_factory=dict)
    """Samples that passed the filters that are called `in` and `out`."""
    rates: dict[str, int] = field(default_factory=dict)
    """Their sample rates there, where `ashowinfo` told them. Unit: hertz."""
    leading_silence: float = 0.0
    """Where the silence ends that the sound begins with."""
    trailing_silence: float | None = None
    """Where the last silence begins that was heard of; None: there was none."""
    trailing_end: float | None = None
    """Where that one ends."""
    progress: float = 0.0
    """How far the output is."""
    _integrated: float | None = None
    _peak: float | None = None
    _open: bytes = b""

    def hear(self, piece: bytes) -> None:
        """Take what was said next."""
        self.kept = (self.kept + piece)[-MOST_KEPT:]
        *lines, self._open = (self._open + piece).replace(b"\r", b"\n").split(b"\n")
        self._open = self._open[-_LONGEST_LINE:]
        for line in lines:
            if len(line) < _LONGEST_LINE:
                self._take(line.decode(errors="replace"))

    @property
    def said(self) -> str:
        """The end of everything that was said, as text."""
        return self.kept.decode(errors="replace")

    @property
    def loudness(self) -> Loudness | None:
        """What `ebur128` measured; None if it did not run. The last summary counts."""
        if self._integrated is None or self._peak is None:
            return None
        return Loudness(self._integrated, self._peak)

    def _take(self, line: str) -> None:
        if found := _PROGRESS.match(line):
            self.progress = int(found[1]) / 1e6
        elif found := _SAMPLES.match(line):
            if found[2] == self.mark:
                self.samples[found[1]] = int(found[3])
        elif found := _PASSED.match(line):
            if found[2] == self.mark:
                self.rates[found[1]] = int(found[3])
                self.samples[found[1]] = self.samples.get(found[1], 0) + int(found[4])
        elif found := _SILENCE.match(line):
            if found[1] in (None, self.mark):
                self._silence(found[2], float(found[3]))
        elif found := _INTEGRATED.match(line):
            self._integrated = _number(found[1], least=-70.0)
        elif found := _PEAK.match(line):
            self._peak = _number(found[1], least=-math.inf)

    def _silence(self, what: str, at: float) -> None:
        if what == "start":
            self.trailing_silence, self.trailing_end = max(at, 0.0), None
            return
        self.trailing_end = at
        if self.trailing_silence == 0.0:
            self.leading_silence = at


def _number(text: str, *, least: float) -> float:
    value = float(text)
    return least if math.isnan(value) else max(value, least)
