"""One row for each measurement: what Mayfly did, what its limit did in the same run, and the ratio."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A measurement beside its limit. `goal` is what the ratio should reach: at most, or at least; None: shown only."""

    name: str
    unit: str
    measured: float
    limit: float
    limit_name: str
    goal: float | None
    higher_is_better: bool

    @property
    def ratio(self) -> float:
        """Measured through limit."""
        return self.measured / self.limit

    @property
    def is_reached(self) -> bool:
        """Whether the ratio is on the good side of its goal."""
        if self.goal is None:
            return True
        return self.ratio >= self.goal if self.higher_is_better else self.ratio <= self.goal

    @property
    def goal_text(self) -> str:
        """The goal for people; empty if there is none."""
        return "" if self.goal is None else f"{'>=' if self.higher_is_better else '<='} {self.goal:.3g}"


def at_most(name: str, unit: str, measured: float, *, allowed: float) -> Row:
    """A figure that may not pass what is allowed; where nothing is, it is shown beside one."""
    return Row(
        name=name,
        unit=unit,
        measured=measured,
        limit=allowed or 1,
        limit_name="allowed" if allowed else "the first that is not",
        goal=1 if allowed else 0,
        higher_is_better=False,
    )


def as_json(rows: list[Row]) -> str:
    """The rows for machines."""
    return json.dumps([{**asdict(row), "ratio": row.ratio, "goal_reached": row.is_reached} for row in rows], indent=2)


def as_markdown(rows: list[Row]) -> str:
    """The rows for a document."""
    lines = ["| what | Mayfly | limit | is | ratio | goal |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row.name} | {row.measured:,.4g} {row.unit} | {row.limit:,.4g} {row.unit} | {row.limit_name} "
        f"| {row.ratio:.2f} | {row.goal_text} |"
        for row in rows
    ]
    return "\n".join(lines)


def show(rows: list[Row], console: Console) -> None:
    """The rows for people."""
    table = Table("what", "Mayfly", "limit", "is", "ratio", "goal", title="Each ratio is of one run")
    for row in rows:
        colour = "green" if row.is_reached else "red"
        table.add_row(
            row.name,
            f"{row.measured:,.4g} {row.unit}",
            f"{row.limit:,.4g} {row.unit}",
            row.limit_name,
            f"[{colour}]{row.ratio:.2f}[/]",
            row.goal_text,
        )
    console.print(table)
