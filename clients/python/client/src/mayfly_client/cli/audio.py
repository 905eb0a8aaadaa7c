"""`mayfly url`, `mayfly ls` and `mayfly rm`."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from mayfly_client._error_types import MayflyError
from mayfly_client._outcomes import failure_error
from mayfly_client._results_storage import SignedUrl
from mayfly_client.cli import human
from mayfly_client.cli.failures import exit_code, report_item
from mayfly_client.cli.options import Collection, Json, LinkTtl, Names, Quiet, User, output, session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mayfly_client._results_storage import Audio, AudioFailure
    from mayfly_client.cli.output import Output


def url(
    ctx: typer.Context,
    names: Names,
    *,
    ttl: LinkTtl = None,
    attachment: Annotated[bool, typer.Option("--attachment", help="Browsers save it instead of playing it.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print a link for each name. No link outlives its audio."""
    out = output(ctx, json=json, quiet=quiet)
    with session(ctx).client() as client:
        outcomes = client.sign(names, ttl=ttl, attachment=attachment)
    links = [each for each in outcomes if isinstance(each, SignedUrl)]
    if json:
        out.data(outcomes)
    else:
        for each in outcomes:
            _show_link(out, each)
    raise typer.Exit(exit_code(len(links), len(outcomes) - len(links)))


def ls(  # noqa: PLR0913 - each option of the command is a parameter
    ctx: typer.Context,
    *,
    collection: Collection = None,
    date: Annotated[
        str | None,
        typer.Option("--date", metavar="YYYY-MM-DD", help="Only this UTC day of creation."),
    ] = None,
    user: User = None,
    session_id: Annotated[str | None, typer.Option("--session", metavar="ID", help="Only this session.")] = None,
    prefix: Annotated[
        str | None, typer.Option("--prefix", metavar="PREFIX", help="Only object keys that begin so.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="COUNT", min=0, help="At most so many; 0: all.")] = 100,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List readable audio."""
    out = output(ctx, json=json, quiet=quiet)
    with session(ctx).client() as client:
        found = client.list(
            collection=collection,
            date=date,
            user_id=user,
            session_id=session_id,
            object_key_prefix=prefix,
        )
        shown = list(islice(found, limit or None))
        more = limit > 0 and next(found, None) is not None
    if json:
        out.data(shown)
    elif quiet:
        for each in shown:
            out.line(each.name)
    elif shown:
        out.table(("name", "collection", "size", "duration", "expires"), [_row(each) for each in shown])
    else:
        out.note("There is no readable audio here.")
    if more:
        out.note(f"There is more; --limit {limit * 10} or --limit 0 shows it.")


def rm(ctx: typer.Context, names: Names, *, json: Json = False, quiet: Quiet = False) -> None:
    """Delete audio now. Deleting what is gone already is no failure."""
    out = output(ctx, json=json, quiet=quiet)
    deleted: dict[str, bool] = {}
    failures: dict[str, MayflyError] = {}
    with session(ctx).client() as client:
        for name in names:
            try:
                deleted[name] = client.delete(name)
            except MayflyError as error:
                failures[name] = error
    if json:
        gone = [{"name": name, "deleted": done} for name, done in deleted.items()]
        kept = [{"name": name, "reason": why.reason, "message": str(why)} for name, why in failures.items()]
        out.data([*gone, *kept])
    else:
        _show_deleted(out, deleted)
        for name, why in failures.items():
            report_item(name, why)
    raise typer.Exit(exit_code(len(deleted), len(failures)))


def _show_link(out: Output, outcome: SignedUrl | AudioFailure) -> None:
    if not isinstance(outcome, SignedUrl):
        report_item(outcome.name, failure_error(outcome))
    elif out.quiet:
        out.line(outcome.url)
    else:
        end = human.end(outcome.expire_time, datetime.now(UTC))
        facts = {"name": outcome.name, "until": end, "limited by": outcome.limited_by.lower()}
        out.facts("Link", facts, link=outcome.url)


def _show_deleted(out: Output, deleted: Mapping[str, bool]) -> None:
    if out.quiet:
        return
    for name, done in deleted.items():
        out.line(f"{'deleted' if done else 'gone already'}: {name}")


def _row(audio: Audio) -> tuple[str, ...]:
    return (
        audio.name,
        audio.collection,
        human.size(audio.size_bytes),
        human.length(audio.duration),
        human.moment(audio.expire_time) if audio.expire_time else "never",
    )
