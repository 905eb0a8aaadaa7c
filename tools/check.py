"""`make check`: everything that can be judged without running the services. Prints a line for each step.

Steps run side by side (they share nothing), and all of them run, so that one look shows all that is to mend.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PROTOS_PYTHON = ROOT / ".state/protos-venv/bin/python"


@dataclass(frozen=True, slots=True)
class Step:
    """One judgement: a command that exits with 0 if all is well."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a step said."""

    step: Step
    ok: bool
    seconds: float
    output: str


def steps() -> list[Step]:
    """All steps, the slowest first."""
    return [
        Step("types", (f"{BIN}/mypy",)),
        Step("lint", (f"{BIN}/ruff", "check", "--no-cache", "--quiet", ".")),
        Step("format", (f"{BIN}/ruff", "format", "--check", "--quiet", ".")),
        Step("imports", (f"{BIN}/lint-imports", "--no-cache")),
        Step("stubs", (str(PROTOS_PYTHON), "tools/gen_protos.py", "--check")),
        Step("contract format", (f"{BIN}/buf", "format", "--diff", "--exit-code", "protos")),
        Step("contract lint", (f"{BIN}/buf", "lint")),
        Step("contract breaking", (sys.executable, "tools/breaking.py")),
        Step("errors page", (sys.executable, "tools/gen_errors.py", "--check")),
        Step("features page", (sys.executable, "tools/check_features.py")),
        Step("reliability page", (sys.executable, "-m", "tools.check_reliability")),
        Step("env example", (sys.executable, "tools/gen_env_example.py", "--check")),
        Step("compose", (f"{BIN}/check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")),
    ]


def run(step: Step) -> Verdict:
    """Run one step to its end, at most five minutes."""
    begun = time.monotonic()
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    try:
        done = subprocess.run(
            step.command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        ok, output = done.returncode == 0, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        ok, output = False, "did not end within 300 s"
    return Verdict(step, ok, time.monotonic() - begun, output)


def main() -> None:
    """Run all steps, say how each went, and exit with 1 if any failed."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        verdicts = list(pool.map(run, steps()))
    for verdict in verdicts:
        print(f"{'ok  ' if verdict.ok else 'FAIL'} {verdict.seconds:6.1f} s  {verdict.step.name}")
    for verdict in verdicts:
        if not verdict.ok:
            print(f"\n--- {verdict.step.name}: {' '.join(verdict.step.command)}\n{verdict.output.rstrip()}")
    failed = sum(not verdict.ok for verdict in verdicts)
    print(f"\n{len(verdicts) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
