"""`mayfly keep`, `mayfly forget` and `mayfly usage`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from mayfly_client.cli import human
from mayfly_client.cli.failures import exit_code
from mayfly_client.cli.options import Collection, Json, Name, Quiet, User, duration_option, output, session
from mayfly_client.cli.receipts import Wait, fetch, show, tell_missing
from mayfly_client.cli.transfers import audio_facts

if TYPE_CHECKING:
    from mayfly_client._results_storage import CollectionUsage, Forgotten
    from mayfly_client.cli.output import Output


def keep(
    ctx: typer.Context,
    name: Name,
    *,
    ttl: Annotated[
        timedelta,
        duration_option(
            "--ttl", "How long from now: 90s, 5m, 24h. Cut to the collection's limit, which counts from the creation."
        ),
    ],
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Keep an audio longer, or not so long."""
    out = output(ctx, json=json, quiet=quiet)
    with session(ctx).client() as client:
        audio = client.retain(name, ttl=ttl)
    if json:
        out.data(audio)
    elif not quiet:
        out.facts("Kept", audio_facts(audio))


def forget(  # noqa: PLR0913 - each option of the command is a parameter
    ctx: typer.Context,
    *,
    user: User = None,
    guest: Annotated[
        str | None, typer.Option("--guest", metavar="ADDRESS", help="A guest's network address.", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Wait = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Delete all audio of a user, or of a guest, now; with --wait, show the receipts that sweeps give for it."""
    out = output(ctx, json=json, quiet=quiet)
    if (user is None) == (guest is None):
        raise typer.BadParameter("give --user or --guest: one of them, not both")
    if not yes:
        typer.confirm(f"Delete all audio of {user or 'this guest'} for good?", abort=True, err=True)
    with session(ctx).client() as client:
        forgotten = client.forget(user_id=user, guest_address=guest)
        if not json:
            _show_forgotten(out, forgotten)
        receipts = fetch(client, out, forgotten.deleted_names, wait) if wait is not None else {}
    if json:
        out.data({**asdict(forgotten), **({} if wait is None else {"receipts": list(receipts.values())})})
    else:
        show(out, receipts)
    code = exit_code(len(forgotten.deleted_names), forgotten.remaining)
    raise typer.Exit(code or (tell_missing(forgotten.deleted_names, receipts) if wait is not None else 0))


def _show_forgotten(out: Output, forgotten: Forgotten) -> None:
    if out.quiet:
        for name in forgotten.deleted_names:
            out.line(name)
        return
    out.line(f"deleted: {human.count(len(forgotten.deleted_names), 'audio')}")
    if forgotten.remaining:
        out.line(f"left: {forgotten.remaining:,}; run it again")


def usage(ctx: typer.Context, *, collection: Collection = None, json: Json = False, quiet: Quiet = False) -> None:
    """Show how much is stored, and what that costs in a month, roughly."""
    out = output(ctx, json=json, quiet=quiet)
    with session(ctx).client() as client:
        found = client.usage(collection)
    if json:
        out.data(found)
    elif found:
        out.table(("collection", "audio", "size", "estimate"), [_row(each) for each in found])
        for item, cost in found.shared_costs.items():
            out.note(f"Besides, {item} cost about {cost:,.2f} USD a month; all of it {found.monthly_cost:,.2f} USD.")
    elif not quiet:
        out.note("Nothing is stored here.")


def _row(each: CollectionUsage) -> tuple[str, ...]:
    cost = f"{each.monthly_cost:,.2f} USD a month"
    return (each.collection, f"{each.objects:,}", human.size(each.size_bytes), cost)
