"""What provisioning does, or would do: one change with its difference, readable by people."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_WIDTH: Final = 150
"""Wide enough for a lifecycle rule on one line."""

Settings = dict[str, Any]
"""Settings as the service says them: JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is made (`+`), altered (`~`), or has to be mended by hand (`!`)."""

    sign: str
    title: str
    lines: tuple[str, ...] = ()
    """The difference, or why and how."""

    def __str__(self) -> str:
        """A title, and the difference below it."""
        return "\n".join([f"{self.sign} {self.title}", *(f"    {line}" for line in self.lines)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change, and how it is carried out; None: by hand."""

    change: Change
    carry_out: Callable[[], object] | None


def made(title: str, carry_out: Callable[[], object]) -> Step:
    """Something that was not there."""
    return Step(change=Change(sign="+", title=title), carry_out=carry_out)


def by_hand(title: str, *lines: str) -> Step:
    """Something that provisioning leaves to a person, because it could not be taken back, or cannot be done."""
    return Step(change=Change(sign="!", title=title, lines=lines), carry_out=None)


def altered(title: str, now: Settings, wanted: Settings, carry_out: Callable[[], object]) -> Step:
    """Settings that are to be others."""
    change = Change(sign="~" if now else "+", title=title, lines=tuple(difference(now, wanted)))
    return Step(change=change, carry_out=carry_out)


def difference(now: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """The lines that go and that come, with a few around them."""
    before, after = _lines(now), _lines(wanted)
    for number, line in enumerate(difflib.unified_diff(before, after, n=1, lineterm="")):
        if number >= 2 and not line.startswith("@@"):  # the names of two files that are none
            yield line


def _lines(settings: Mapping[str, Any]) -> list[str]:
    return [line for value in settings.values() for line in _rendered(value)]


def _rendered(value: Any, *, name: str = "", indent: str = "") -> Iterator[str]:
    """JSON, with everything on one line that fits there: a rule is a line, and a difference is a few."""
    prefix = f"{indent}{json.dumps(name)}: " if name else indent
    compact = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if len(prefix) + len(compact) <= _WIDTH or not isinstance(value, dict | list):
        yield prefix + compact
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield prefix + opening
    for key, each in sorted(value.items()) if isinstance(value, dict) else (("", each) for each in value):
        yield from _rendered(each, name=key, indent=f"{indent}  ")
    yield indent + closing
