"""Receipts: what certificates of sweeps say of audio that is gone, by its name."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from mayfly_client._error_types import MayflyError
from mayfly_client.cli import human
from mayfly_client.cli.failures import exit_code, report_item
from mayfly_client.cli.options import Json, Names, Quiet, duration_option, output, session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mayfly_client import Client
    from mayfly_client.certificates import Receipt
    from mayfly_client.cli.output import Output

Wait = Annotated[
    timedelta | None,
    duration_option("--wait", "Wait so long for the sweep that certifies it: 10m is usual, 45m for what was new."),
]


def receipt(ctx: typer.Context, names: Names, *, wait: Wait = None, json: Json = False, quiet: Quiet = False) -> None:
    """Show the proof that audio is gone: the certificate of the sweep that deleted it, or saw that it was."""
    out = output(ctx, json=json, quiet=quiet)
    with session(ctx).client() as client:
        found = fetch(client, out, names, wait)
    if len(names) == 1 and not found:
        raise _no_receipt(names[0])
    if json:
        out.data(list(found.values()) if len(names) > 1 else found[names[0]])
    elif len(names) == 1:
        out.facts("Receipt", _facts(found[names[0]]))
    else:
        show(out, found)
    raise typer.Exit(tell_missing(names, found))


def fetch(client: Client, out: Output, names: Sequence[str], wait: timedelta | None) -> dict[str, Receipt]:
    """The receipts that there are, or that come in time."""
    with out.waiting("Reading certificates ..." if wait is None else "Waiting for the next sweeps ..."):
        return client.receipts(names, wait=wait or 0)


def show(out: Output, found: Mapping[str, Receipt]) -> None:
    """One line for each."""
    if found and not out.quiet:
        out.table(("audio", "was", "outcome", "verified gone", "certificate"), [_row(one) for one in found.values()])


def tell_missing(names: Sequence[str], found: Mapping[str, Receipt]) -> int:
    """Say which names have no receipt; the exit code."""
    missing = [name for name in dict.fromkeys(names) if name not in found]
    for name in missing:
        report_item(name, _no_receipt(name))
    return exit_code(len(found), len(missing))


def _no_receipt(name: str) -> MayflyError:
    return MayflyError(
        f"No certificate names {name}: no sweep has deleted it yet, or its certificate was forgotten. Audio that was "
        "deleted by name is certified by the next sweep, and up to 25 minutes later if it was new; --wait waits for it."
    )


def _facts(found: Receipt) -> dict[str, str]:
    return {
        "audio": found.name,
        "was": found.reason.lower(),
        "outcome": _outcome(found),
        "verified gone": "by the store's own answer" if found.verified else "no",
        "certificate": f"{found.certificate.sequence}, stored {human.moment(found.certificate.create_time)}",
        "sha256": found.certificate.sha256,
    }


def _row(found: Receipt) -> tuple[str, ...]:
    verified = "yes" if found.verified else "no"
    return (found.name, found.reason.lower(), _outcome(found), verified, str(found.certificate.sequence))


def _outcome(found: Receipt) -> str:
    return found.outcome.lower().replace("_", " ")
