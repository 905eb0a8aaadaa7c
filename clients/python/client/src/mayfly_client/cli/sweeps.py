"""`mayfly sweeps`: the certificates of sweeps, and their verification."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mayfly_client._error_types import MayflyError
from mayfly_client.certificates import (
    Certificate,
    CertificateFileError,
    ChainReport,
    read_file,
    verify,
    write_line,
)
from mayfly_client.cli import human
from mayfly_client.cli.failures import FAILED
from mayfly_client.cli.options import Json, Quiet, examples, output, session
from mayfly_client.cli.receipts import receipt

if TYPE_CHECKING:
    from mayfly_client.cli.output import Output

sweeps = typer.Typer(
    name="sweeps",
    help="Certificates: what each sweep deleted, and what the store itself said of it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Source = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", dir_okay=False, help="As `export` wrote it. Default: ask the sweeper."),
]


@sweeps.command(epilog=examples("mayfly sweeps ls", "mayfly sweeps ls --limit 5 --json"))
def ls(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, metavar="COUNT", help="How many, newest first.")] = 20,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List certificates, newest first."""
    out = output(ctx, json=json, quiet=quiet)
    with session(ctx).client() as client:
        found = [one for one, _ in zip(client.certificates(page_size=min(limit, 20)), range(limit), strict=False)]
    if json:
        return out.data([_plain(one) for one in found])
    if quiet:
        for one in found:
            out.line(str(one.sequence))
        return None
    return out.table(
        ("number", "stored", "state", "deleted", "verified", "late", "proves"), [_row(one) for one in found]
    )


@sweeps.command(epilog=examples("mayfly sweeps show 17", "mayfly sweeps show 17 --json | jq .totals"))
def show(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="Its number in the chain.")],
    *,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show all that one certificate says."""
    out = output(ctx, json=json, quiet=quiet)
    with session(ctx).client() as client:
        one = next((each for each in client.certificates() if each.sequence <= number), None)
    if one is None or one.sequence != number:
        raise MayflyError(f"There is no certificate {number}, or it was forgotten; `mayfly sweeps ls` names them.")
    if (document := _document(one)) is None:
        raise MayflyError(
            f"Certificate {number} is no JSON object, as older releases took; `mayfly sweeps export` writes its text."
        )
    if json:
        return out.data(document)
    return out.line(json_text.dumps(document, indent=2, ensure_ascii=False))


@sweeps.command(epilog=examples("mayfly sweeps export certificates.jsonl"))
def export(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="JSON Lines, oldest first.")],
    *,
    quiet: Quiet = False,
) -> None:
    """Write all certificates to a file, to be kept elsewhere and verified without a server."""
    out = output(ctx, json=False, quiet=quiet)
    chain = _fetched(ctx)
    part = file.with_name(f"{file.name}.part")
    part.write_text("".join(f"{write_line(one)}\n" for one in chain), encoding="utf-8", newline="\n")
    part.replace(file)
    out.note(f"{human.count(len(chain), 'certificate')} in {file}")


@sweeps.command(name="verify", epilog=examples("mayfly sweeps verify", "mayfly sweeps verify certificates.jsonl"))
def verify_chain(
    ctx: typer.Context,
    file: Source = None,
    *,
    head: Annotated[
        str, typer.Option(metavar="SHA256", help="A hash that must be in the chain, as an earlier run told it.")
    ] = "",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check that no certificate was changed, left out or slipped in. With a file, no server is asked."""
    out = output(ctx, json=json, quiet=quiet)
    try:
        found = verify(read_file(file) if file is not None else iter(_fetched(ctx)), head=head.lower())
    except CertificateFileError as error:
        raise MayflyError(f"{error}; `mayfly sweeps export` writes such files.") from None
    if json:
        out.data(found)
    else:
        _tell(out, found)
    if found.problems or not found.checked:
        raise typer.Exit(FAILED)


sweeps.command(
    epilog=examples(
        "mayfly sweeps receipt audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "mayfly forget --user u1 --yes --quiet | xargs mayfly sweeps receipt --wait 45m",
    )
)(receipt)


def _fetched(ctx: typer.Context) -> list[Certificate]:
    """All of them, oldest first."""
    with session(ctx).client() as client:
        return list(client.certificates())[::-1]


def _tell(out: Output, found: ChainReport) -> None:
    for problem in found.problems:
        out.line(problem)
    if not found.checked:
        out.line("There is no certificate yet.")
    elif not found.problems:
        out.line(f"The chain holds: {human.count(found.checked, 'certificate')}, {found.first} to {found.last}.")
        out.line(f"Its head is {found.head_sha256}")


def _plain(one: Certificate) -> dict[str, Any]:
    facts = {name: getattr(one, name) for name in ("sequence", "sha256", "previous_sha256", "create_time")}
    return {**facts, "document": _document(one)}


def _document(one: Certificate) -> dict[str, Any] | None:
    """What it says; None if it is no JSON object."""
    try:
        return dict(one.document)
    except ValueError:
        return None


def _row(one: Certificate) -> tuple[str, ...]:
    return (str(one.sequence), human.moment(one.create_time), *_facts(_document(one)))


def _facts(document: dict[str, Any] | None) -> tuple[str, ...]:
    if document is None:
        return ("unreadable", "", "", "", "")
    totals = document.get("totals")
    if totals is None:
        return ("part", f"{len(document.get('results', ())):,}", "", "", "")
    return (
        str(totals["state"]).lower(),
        f"{totals['deleted']:,}",
        f"{totals['verified_gone']:,}",
        f"{totals['max_lateness_seconds']:.0f} s",
        "yes" if document.get("proves") else "no",
    )
