"""Two pictures of a run, as SVG: what there was at each time, and how late deletions were."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from tests.prove.scenario import BOUND, START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from tests.prove.ledger import Ledger, Sample

WIDTH, HEIGHT = 760, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 60, 44, 46
_TEXT: Final = 'font-family="sans-serif" font-size="12"'
_READABLE, _WAITING, _GONE, _AWAY, _LIMIT = "#1f6feb", "#d1242f", "#1a7f37", "#ffe9b8", "#9a6700"
_BIN: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)


def timeline(ledger: Ledger, *, title: str) -> str:
    """Readable audio, objects that wait for the sweep, and (on the right) audio that is gone; outages behind them."""
    samples = ledger.samples
    hours = max((samples[-1].time - START) / _HOUR, 1)
    x = _across(hours)
    there = _up(most_there := max(1, *(max(each.readable, each.waiting) for each in samples)))
    gone = _up(most_gone := max(1, *(each.gone for each in samples)))
    parts = [*_frame(title), *_outages(ledger, x), *_hours(hours, x), *_numbers(most_there, there)]
    parts += [_beside(gone(value), value) for value in sorted({0, round(most_gone / 2), most_gone})]
    series: list[tuple[str, str, Callable[[Sample], float]]] = [
        ("readable", _READABLE, lambda each: there(each.readable)),
        ("ended, bytes wait for the sweep", _WAITING, lambda each: there(each.waiting)),
        ("gone, since the beginning (right)", _GONE, lambda each: gone(each.gone)),
    ]
    for number, (name, colour, height) in enumerate(series):
        points = " ".join(f"{x((each.time - START) / _HOUR):.1f},{height(each):.1f}" for each in samples)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.4"/>')
        parts += _legend(number, name, colour)
    if ledger.outages:
        parts += _legend(len(series), "S3 is away", _AWAY)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _outages(ledger: Ledger, x: Callable[[float], float]) -> Iterator[str]:
    for begin, end in ledger.outages:
        left, right = x((begin - START) / _HOUR), x((end - START) / _HOUR)
        shade = f'x="{left:.1f}" y="{_TOP}" width="{right - left:.1f}" height="{HEIGHT - _TOP - _BOTTOM}"'
        yield f'<rect {shade} fill="{_AWAY}"/>'


def histogram(lateness: Sequence[timedelta], *, title: str) -> str:
    """How many deletions were how many minutes late, and the bound."""
    last = max([BOUND, *lateness]) + 2 * _BIN
    counts = [0] * (int(last / _BIN) + 1)
    for late in lateness:
        counts[max(0, int(late / _BIN))] += 1
    x, y = _across(len(counts)), _up(max(1, *counts))
    parts = [*_frame(title), *_numbers(max(1, *counts), y)]
    for minute, count in enumerate(counts):
        if count:
            box = f'x="{x(minute):.1f}" y="{y(count):.1f}" height="{HEIGHT - _BOTTOM - y(count):.1f}"'
            parts.append(f'<rect {box} width="{max(1.0, x(1) - x(0) - 1):.1f}" fill="{_READABLE}"/>')
    parts += [_below(x(each), str(each)) for each in range(0, len(counts), max(5, len(counts) // 10 // 5 * 5))]
    bound = x(BOUND / _BIN)
    parts.append(f'<path d="M{bound:.1f} {_TOP}V{HEIGHT - _BOTTOM}" stroke="{_LIMIT}" stroke-dasharray="5 4"/>')
    parts.append(f'<text x="{bound - 6:.1f}" y="{_TOP + 12}" {_TEXT} text-anchor="end">the bound</text>')
    parts.append(
        _below((_LEFT + WIDTH - _RIGHT) / 2, "minutes after it was due (outages of the store do not count)", line=2)
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _frame(title: str) -> Iterator[str]:
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    yield f'<text x="{_LEFT}" y="18" {_TEXT} font-weight="bold">{escape(title)}</text>'


def _across(whole: float) -> Callable[[float], float]:
    return lambda value: _LEFT + value / whole * (WIDTH - _LEFT - _RIGHT)


def _up(most: float) -> Callable[[float], float]:
    return lambda value: HEIGHT - _BOTTOM - value / most * (HEIGHT - _TOP - _BOTTOM)


def _hours(hours: float, x: Callable[[float], float]) -> Iterator[str]:
    step = next(each for each in (1, 2, 6, 12, 24, 48, 10_000) if hours / each <= 12)
    for hour in range(0, int(hours) + 1, step):
        yield _below(x(hour), str(hour))
    yield _below((_LEFT + WIDTH - _RIGHT) / 2, "virtual hours", line=2)


def _numbers(most: int, y: Callable[[float], float]) -> Iterator[str]:
    for value in sorted({0, round(most / 2), most}):
        yield f'<path d="M{_LEFT} {y(value):.1f}H{WIDTH - _RIGHT}" stroke="#d0d7de"/>'
        yield f'<text x="{_LEFT - 8}" y="{y(value) + 4:.1f}" {_TEXT} text-anchor="end">{value:,}</text>'


def _beside(y: float, value: int) -> str:
    return f'<text x="{WIDTH - _RIGHT + 8}" y="{y + 4:.1f}" {_TEXT} fill="{_GONE}">{value:,}</text>'


def _below(x: float, text: str, *, line: int = 1) -> str:
    return f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 17 * line}" {_TEXT} text-anchor="middle">{escape(text)}</text>'


def _legend(number: int, name: str, colour: str) -> Iterator[str]:
    left = _LEFT + (0, 90, 310, 540)[number]
    yield f'<rect x="{left}" y="27" width="12" height="8" fill="{colour}"/>'
    yield f'<text x="{left + 17}" y="35" {_TEXT}>{escape(name)}</text>'


def moment(time: datetime) -> str:
    """A virtual time, for people."""
    return f"hour {(time - START) / _HOUR:.2f}"
