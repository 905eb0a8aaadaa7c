"""How failures are told: what went wrong, what to do, and the reason to search for; and the exit code that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from mayfly_client._error_types import ErrorFacts, MayflyError
from mayfly_client.cli import as_json
from mayfly_client.config import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mayfly_client.cli.options import Session

FAILED, USAGE, PARTIAL = 1, 2, 3


class ReportingGroup(TyperGroup):
    """Turns exceptions of commands into messages and exit codes, in one place."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except MayflyError as error:
            _report(error, ctx.obj)
            raise typer.Exit(FAILED) from error
        except ConfigError as error:
            _report(MayflyError(str(error)), ctx.obj)
            raise typer.Exit(USAGE) from error
        except BrokenPipeError:
            # Whoever read our output has enough of it; typer ends quietly.
            raise
        except OSError as error:
            _report(_of_system(error), ctx.obj)
            raise typer.Exit(FAILED) from error
        except ValueError as error:
            # What cannot even be put into a request was typed so.
            _report(MayflyError(str(error)), ctx.obj)
            raise typer.Exit(USAGE) from error


def exit_code(done: int, failed: int) -> int:
    """The exit code of a command over several items."""
    if not failed:
        return 0
    return PARTIAL if done else FAILED


def report_item(item: str, error: MayflyError) -> None:
    """Tell about one failed item of several."""
    _lines(f"{item}: {error}", _details(error))


def _report(error: MayflyError, session: Session | None) -> None:
    if session is not None and session.json:
        typer.echo(as_json.dumps({"error": _data(error)}), err=True)
    else:
        _lines(str(error), _details(error))


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
        "retry_after": error.retry_after,
        "remedy": error.remedy,
    }


def _of_system(error: OSError) -> MayflyError:
    what = f"{error.filename}: " if error.filename else ""
    return MayflyError(f"{what}{error.strerror or error}", ErrorFacts())
