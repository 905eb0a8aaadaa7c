"""Values of SSML attributes: lengths of time, rates, volumes."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

LONGEST_BREAK: Final = timedelta(seconds=10)
LEAST_RATE, MOST_RATE = 0.25, 4.0
MOST_VOLUME = 2.0

_TIME: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s)")
_PERCENT: Final = re.compile(r"([+-]?)(\d{1,4}(?:\.\d{1,3})?)%")
_NUMBER: Final = re.compile(r"\d{1,2}(?:\.\d{1,3})?")
_DECIBEL: Final = re.compile(r"([+-]?\d{1,3}(?:\.\d{1,3})?)dB")

# The recommendation leaves the lengths to the processor.
STRENGTHS: Final = {
    "none": timedelta(0),
    "x-weak": timedelta(milliseconds=100),
    "weak": timedelta(milliseconds=250),
    "medium": timedelta(milliseconds=500),
    "strong": timedelta(seconds=1),
    "x-strong": timedelta(seconds=2),
}
RATES: Final = {"x-slow": 0.5, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
VOLUMES: Final = {"silent": 0.0, "x-soft": 0.25, "soft": 0.5, "medium": 1.0, "default": 1.0, "loud": 1.4, "x-loud": 2.0}


def length(value: str) -> timedelta | None:
    """`500ms` or `1.5s`, at most 10 s; None if it is neither."""
    match = _TIME.fullmatch(value.strip())
    if match is None:
        return None
    seconds = float(match[1]) / (1000 if match[2] == "ms" else 1)
    return timedelta(seconds=seconds) if seconds <= LONGEST_BREAK.total_seconds() else None


def rate(value: str) -> float | None:
    """`fast`, `120%`, `+20%` or `1.2`; None if it is none of them."""
    if value in RATES:
        return RATES[value]
    if match := _PERCENT.fullmatch(value):
        change = float(match[1] + match[2]) / 100
        return 1 + change if match[1] else change
    return float(value) if _NUMBER.fullmatch(value) else None


def volume(value: str) -> float | None:
    """`loud` or `+6dB`, as a factor; None if it is neither."""
    if value in VOLUMES:
        return VOLUMES[value]
    match = _DECIBEL.fullmatch(value)
    return None if match is None else float(10 ** (float(match[1]) / 20))
