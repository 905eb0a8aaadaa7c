"""Line charts as SVG, for the documents: one file, no library, the same text for the same figures."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH, HEIGHT = 760, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 230, 44, 52
_COLOURS: Final = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")
_FEW: Final = 12
"""More points than these are a line, and no dots upon it."""
_STEPS: Final = (1, 2, 5, 10)
_TEXT: Final = 'font-family="sans-serif" fill="#24292f"'


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """Some series over one axis, which is logarithmic; values begin at 0."""

    title: str
    x_name: str
    y_name: str
    series: dict[str, list[tuple[float, float]]]
    is_logarithmic: bool = True
    marks: Sequence[float] = field(default=())
    """Where the horizontal axis has its numbers; all values of the first series by default."""

    def svg(self) -> str:
        """The picture."""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
            f"<title>{escape(self.title)}</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            f'<text x="{_LEFT}" y="26" {_TEXT} font-size="15" font-weight="bold">{escape(self.title)}</text>',
            *self._grid(),
            *self._lines(),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def _grid(self) -> Iterator[str]:
        bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
        for value in _ticks(self._top):
            y = self._y(value)
            yield f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#d0d7de"/>'
            yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" {_TEXT} font-size="12" text-anchor="end">{value:,g}</text>'
        for mark in self.marks or [x for x, _ in next(iter(self.series.values()))]:
            x = self._x(mark)
            yield f'<path d="M{x:.1f} {bottom}v5" stroke="#57606a"/>'
            yield f'<text x="{x:.1f}" y="{bottom + 19}" {_TEXT} font-size="12" text-anchor="middle">{mark:,g}</text>'
        below = f'x="{(_LEFT + right) / 2}" y="{HEIGHT - 10}"'
        beside = f'transform="translate(18 {(bottom + _TOP) / 2}) rotate(-90)"'
        for place, name in ((below, self.x_name), (beside, self.y_name)):
            yield f'<text {place} {_TEXT} font-size="12" text-anchor="middle">{escape(name)}</text>'

    def _lines(self) -> Iterator[str]:
        for number, (name, points) in enumerate(self.series.items()):
            colour = _COLOURS[number % len(_COLOURS)]
            places = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)
            yield f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>'
            if len(points) <= len(_COLOURS) * 2:
                yield "".join(
                    f'<circle cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="3" fill="{colour}"/>' for x, y in points
                )
            top = _TOP + 14 + 22 * number
            left = WIDTH - _RIGHT + 18
            yield f'<path d="M{left} {top - 4}h18" stroke="{colour}" stroke-width="3"/>'
            yield f'<text x="{left + 25}" y="{top}" {_TEXT} font-size="12">{escape(name)}</text>'

    @property
    def _top(self) -> float:
        return max(y for points in self.series.values() for _, y in points) * 1.05

    def _x(self, value: float) -> float:
        every = [x for points in self.series.values() for x, _ in points]
        low, high, here = min(every), max(every), value
        if self.is_logarithmic:
            low, high, here = math.log(low), math.log(high), math.log(value)
        return _LEFT + (here - low) / (high - low) * (WIDTH - _LEFT - _RIGHT)

    def _y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - value / self._top * (HEIGHT - _TOP - _BOTTOM)


def _ticks(top: float) -> Iterator[float]:
    """About five round numbers from 0 on."""
    rough = top / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = size * next(each for each in _STEPS if each * size >= rough)
    number = 0
    while number * step <= top:
        yield number * step
        number += 1
