"""The command as a whole: exceptions of its verbs become messages and exit codes, in one place."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup, TyperOption

from mayfly_client._argument_error import ArgumentError
from mayfly_client._error_types import ErrorFacts, MayflyError
from mayfly_client.cli.failures import FAILED, USAGE, report, report_as_json
from mayfly_client.config import ConfigError


class ReportingGroup(TyperGroup):
    """Tells failures as people or, after `--json`, as programs want them."""

    def main(self, args: Any = None, *others: Any, **rest: Any) -> Any:
        """Parse the arguments and run. What typer refuses is a box for people; programs get JSON instead."""
        given = list(sys.argv[1:] if args is None else args)
        if "--json" not in given or not rest.get("standalone_mode", True):
            return super().main(args, *others, **rest)
        try:
            code = super().main(given, *others, **{**rest, "standalone_mode": False})
        except typer.Abort:
            sys.exit(FAILED)
        except typer.TyperException as error:
            report_as_json(MayflyError(_words(error)))
            sys.exit(USAGE)
        sys.exit(code or 0)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except MayflyError as error:
            report(error, ctx.obj)
            raise typer.Exit(FAILED) from error
        except BrokenPipeError:
            # Whoever read our output has enough of it; typer ends quietly.
            raise
        except OSError as error:
            report(_of_system(error), ctx.obj)
            raise typer.Exit(FAILED) from error
        except (ConfigError, ArgumentError, UnicodeError) as error:
            # What cannot even be put into a request was typed so. Any other ValueError is a fault of ours.
            report(MayflyError(_words(error)), ctx.obj)
            raise typer.Exit(USAGE) from error

    def get_params(self, ctx: Any) -> Any:
        """The options before the verbs."""
        return _without_type_of_flags(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A verb."""
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            _without_type_of_flags(found.get_params(ctx))
        return found


def _without_type_of_flags(params: list[Any]) -> list[Any]:
    """A flag takes no value, so `<bool>` after it would mislead; typer adds some flags of its own."""
    for each in params:
        if isinstance(each, TyperOption) and each.is_flag:
            each.metavar = ""
    return params


def _words(error: Exception) -> str:
    if isinstance(error, ArgumentError):
        return error.for_the_command()
    if isinstance(error, UnicodeError):
        return f"what was given is no text in UTF-8: {error}"
    # Errors of typer about a parameter name it only here.
    told = getattr(error, "format_message", None)
    return str(told() if told else error)


def _of_system(error: OSError) -> MayflyError:
    what = f"{error.filename}: " if error.filename else ""
    return MayflyError(f"{what}{error.strerror or error}", ErrorFacts())
