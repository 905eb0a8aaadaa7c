"""Whether docs/features.md is honest: every id once, each with code and a test that exist.

A row names its code as `path` and its test as `path::function`.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/features.md"
EXPECTED = {"A": 63, "B": 76, "C": 66, "D": 36, "E": 41}
ROW = re.compile(r"^\| ([A-E]\d{2}) \| (.*?) \| (.*?) \| (.*?) ?\|$", re.MULTILINE)
QUOTED = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Row:
    """One feature: its id, what the source names, the code that does it and the test that shows it."""

    id: str
    named: str
    code: tuple[str, ...]
    test: tuple[str, ...]

    def problems(self) -> list[str]:
        """What is wrong with the claim."""
        found = [f"{self.id}: no such file: {path}" for path in self.code if not (ROOT / path).exists()]
        if not (self.code and self.test):
            found.append(f"{self.id}: needs both code and test")
        found += [f"{self.id}: no such test: {name}" for name in self.test if not has_test(name)]
        named = [*self.code, *self.test]
        return found + [f"{self.id}: named twice: {name}" for name in sorted(set(named)) if named.count(name) > 1]


def has_test(name: str) -> bool:
    """Whether `path::function` names a test function in that file."""
    path, _, function = name.partition("::")
    file = ROOT / path
    return file.is_file() and re.search(rf"def {re.escape(function)}\b", file.read_text()) is not None


def rows(text: str) -> list[Row]:
    """All rows of the page."""
    return [
        Row(i, named, tuple(QUOTED.findall(code)), tuple(QUOTED.findall(test)))
        for i, named, code, test in ROW.findall(text)
    ]


def missing_ids(found: list[Row]) -> list[str]:
    """Ids that do not stand on the page exactly once."""
    ids = [row.id for row in found]
    expected = [f"{letter}{number:02}" for letter, count in EXPECTED.items() for number in range(1, count + 1)]
    return [f"{i}: stands {ids.count(i)} times" for i in expected if ids.count(i) != 1]


def main() -> None:
    """Print what is wrong and exit with 1, or print how many there are."""
    found = rows(PAGE.read_text())
    problems = missing_ids(found) + [problem for row in found for problem in row.problems()]
    if problems:
        sys.exit("docs/features.md is not honest:\n  " + "\n  ".join(problems))
    print(f"{len(found)} features")


if __name__ == "__main__":
    main()
