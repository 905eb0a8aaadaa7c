"""Whether docs/reliability.md is honest: every requirement once, each with tests that exist."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from tools.check_features import QUOTED, ROOT, has_test

PAGE = ROOT / "docs/reliability.md"
EXPECTED = [f"R{number}" for number in range(1, 38)]
ROW = re.compile(r"^\| (R\d+) \| (.*?) \| (.*?) \| (.*?) \| .*\|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement: what must hold, and the tests that show it."""

    id: str
    holds: str
    measure: str
    tests: tuple[str, ...]

    def problems(self) -> list[str]:
        """What is wrong with the row."""
        found = [f"{self.id}: no such test: {name}" for name in self.tests if not has_test(name)]
        if not self.holds:
            found.append(f"{self.id}: does not say what must hold")
        if not self.tests:
            found.append(f"{self.id}: has no test")
        if not self.measure:
            found.append(f"{self.id}: does not say how its tests measure")
        return found


def rows(text: str) -> list[Row]:
    """All rows of the page."""
    return [Row(i, holds, how, tuple(QUOTED.findall(tests))) for i, holds, how, tests in ROW.findall(text)]


def main() -> None:
    """Print every problem and exit with 1, or a line of figures."""
    found = rows(PAGE.read_text())
    problems = [problem for row in found for problem in row.problems()]
    if [row.id for row in found] != EXPECTED:
        missing = sorted(set(EXPECTED) - {row.id for row in found})
        problems.append(f"the page must have R1 to R37 once each, in order; missing: {missing}")
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(1)
    print(f"{len(found)} requirements, {sum(len(row.tests) for row in found)} tests")


if __name__ == "__main__":
    main()
