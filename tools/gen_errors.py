"""Write docs/errors.md from the ErrorReason enums: search the reason of a log line, find its meaning.

`--check` writes nothing and fails when the committed page differs.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/errors.md"
SERVICES = ("storage", "synth", "sweeper")

HEAD = """# Errors

Generated from `protos/mayfly/*/v1/error_reason.proto` by `make protos`; do not edit.

Every error of every RPC carries exactly one `google.rpc.ErrorInfo`. Its `reason` is listed here, its `domain` names the
service, and its `metadata` holds every variable part of the message under keys that never change. Errors about fields
carry a `google.rpc.BadRequest`, errors worth a retry a `google.rpc.RetryInfo`. `mayfly_client` turns each into an
exception with the same facts (`mayfly_client.errors`).
"""

VALUE = re.compile(r"((?:^  //.*\n)+)  ERROR_REASON_(\w+) = (\d+);", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reason:
    """One value of an enum and what its comment says."""

    name: str
    code: str
    meaning: str
    example: str


def read(service: str) -> list[Reason]:
    """The reasons of one service, in the order of the file."""
    text = (ROOT / f"protos/mayfly/{service}/v1/error_reason.proto").read_text()
    return [parse(comment, name) for comment, name, number in VALUE.findall(text) if number != "0"]


def parse(comment: str, name: str) -> Reason:
    """Split `CODE. Meaning.` from the ErrorInfo example, which is indented by five spaces."""
    lines = [line.strip().removeprefix("//") for line in comment.splitlines()]
    example = " ".join(line.strip() for line in lines if line.startswith("     "))
    prose = " ".join(line.strip() for line in lines if not line.startswith("     ") and line.strip())
    code, _, meaning = prose.partition(". ")
    return Reason(name, code, meaning, example)


def render() -> str:
    """The whole page."""
    parts = [HEAD]
    for service in SERVICES:
        parts.append(f"\n## {service}\n\n| reason | code | meaning | as a caller sees it |\n|---|---|---|---|\n")
        parts += [f"| `{r.name}` | `{r.code}` | {r.meaning} | `{r.example}` |\n" for r in read(service)]
    return "".join(parts)


def main() -> None:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the committed page differs; write nothing")
    page = render()
    if not parser.parse_args().check:
        PAGE.write_text(page)
    elif not PAGE.exists() or PAGE.read_text() != page:
        sys.exit("docs/errors.md differs from the contracts: run `make protos` and commit")
    print(f"{PAGE.relative_to(ROOT)}: {sum(line.startswith('| `') for line in page.splitlines())} reasons")


if __name__ == "__main__":
    main()
