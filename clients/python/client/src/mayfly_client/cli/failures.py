"""How failures are told: what went wrong, what to do, and the reason to search for; and the exit code that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.text import Text

from mayfly_client.cli import as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mayfly_client._error_types import MayflyError
    from mayfly_client.cli.options import Session

FAILED, USAGE, PARTIAL = 1, 2, 3


def exit_code(done: int, failed: int) -> int:
    """The exit code of a command over several items."""
    if not failed:
        return 0
    return PARTIAL if done else FAILED


def report_item(item: str, error: MayflyError) -> None:
    """Tell about one failed item of several."""
    _lines(f"{item}: {error}", _details(error))


def report(error: MayflyError, session: Session | None) -> None:
    """Tell about a failure that ended the command."""
    if session is not None and session.json:
        report_as_json(error)
    else:
        _lines(str(error), _details(error))


def report_as_json(error: MayflyError) -> None:
    """Tell a program about it, on standard error: standard output has results only."""
    typer.echo(as_json.dumps({"error": _data(error)}), err=True)


def _lines(message: str, details: Sequence[str]) -> None:
    console = Console(stderr=True)
    console.print(Text.assemble(("mayfly: ", "bold red"), message), soft_wrap=True)
    for detail in details:
        console.print(Text(f"  {detail}"), soft_wrap=True)


def _details(error: MayflyError) -> list[str]:
    said = str(error)
    lines = [f"{each.field}: {each.description}" for each in error.violations if each.description not in said]
    if (near := error.metadata.get("near")) and near not in said:
        lines.append(f"Did you mean {near}?")
    if error.retry_after is not None:
        lines.append(f"Try again in {error.retry_after.total_seconds():g} s.")
    if error.remedy:
        lines.append(error.remedy)
    if error.reason:
        lines.append(f"reason: {error.reason}" + (f" ({error.domain})" if error.domain else ""))
    return lines


def _data(error: MayflyError) -> dict[str, Any]:
    return {
        "message": str(error),
        "code": error.code.name if error.code else None,
        "reason": error.reason,
        "domain": error.domain,
        "metadata": error.metadata,
        "violations": error.violations,
        "retry_after_seconds": error.retry_after,
        "remedy": error.remedy,
    }
