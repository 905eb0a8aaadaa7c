"""`python -m tests.model`: a line for each variant, and the shortest path of each that breaks a promise."""

from __future__ import annotations

import sys
import time
from itertools import groupby
from textwrap import fill

from tests.model.search import Verdict, explore
from tests.model.variants import VARIANTS, Variant


def report(variant: Variant, verdict: Verdict, seconds: float) -> str:
    """A line about a variant, and how it breaks what it breaks."""
    outcome = verdict.broken.name if verdict.broken else "OK"
    surprise = "" if verdict.broken is variant.breaks else f"   EXPECTED {variant.breaks and variant.breaks.name}"
    line = f"{outcome:9} {verdict.states:7} states {seconds:5.1f} s  {variant.name}{surprise}"
    if not verdict.path:
        return line
    runs = [(label, len(list(run))) for label, run in groupby(verdict.path)]
    steps = [label if count == 1 else f"{label} ({count} times)" for label, count in runs]
    path = fill("; ".join(steps), width=110, initial_indent=" " * 10, subsequent_indent=" " * 10)
    return f"{line}\n{path}"


def main() -> None:
    """Check all, and exit with 1 if any verdict is not the expected one."""
    surprises = 0
    for title, variants in VARIANTS.items():
        sys.stdout.write(f"\n{title}\n\n")
        for variant in variants:
            begun = time.monotonic()
            verdict = explore(variant.model)
            sys.stdout.write(report(variant, verdict, time.monotonic() - begun) + "\n")
            surprises += verdict.broken is not variant.breaks
    sys.exit(1 if surprises else 0)


if __name__ == "__main__":
    main()
