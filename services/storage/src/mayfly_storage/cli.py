"""`mayfly-storage`: serve (the default), provision, policy, doctor, import, mirror, retire-fallback, config."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from mayfly_runtime import logs
from mayfly_runtime.callers_file import CallersFileError
from mayfly_runtime.heaps import share_heaps
from mayfly_runtime.server import ListenError
from mayfly_runtime.settings import SettingsError
from mayfly_runtime.tls import TlsFilesError
from mayfly_storage import administration, cli_import, cli_mirror, doctor_report
from mayfly_storage import app as composition
from mayfly_storage.agreement import FolderDisagreementError, FolderInUseError
from mayfly_storage.backends.embedded.folder import DataFolderError
from mayfly_storage.config import StorageSettings
from mayfly_storage.data_dir import DataDirError
from mayfly_storage.domain.errors import (
    BackendMisconfiguredError,
    BackendUnavailableError,
    CollectionUnknownError,
    StorageFullError,
)
from mayfly_storage.fitness import UnfitStoreError

if TYPE_CHECKING:
    from mayfly_storage.domain.findings import Finding
    from mayfly_storage.doors import RunningStorage

FOUND_FAULTS: Final = 1
COULD_NOT_START: Final = 2

# What an operator can mend. Everything else is a fault of ours, and shows its traceback.
_UNUSABLE: Final = (
    SettingsError,
    CallersFileError,
    ListenError,
    TlsFilesError,
    DataDirError,
    DataFolderError,
    BackendUnavailableError,
    BackendMisconfiguredError,
    StorageFullError,
    UnfitStoreError,
    FolderDisagreementError,
    FolderInUseError,
)

logger = logging.getLogger("mayfly.storage")

app = typer.Typer(
    help="Keeps audio for exactly as long as it may live. Settings are environment variables: see `config`.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def default(context: typer.Context) -> None:
    """Serve, unless a command says otherwise."""
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve() -> None:
    """Serve StorageService and RetentionService until SIGTERM. The default."""
    share_heaps()
    settings = _settings()
    logs.configure(level=settings.log_level, format=settings.log_format)
    try:
        asyncio.run(composition.serve(settings, announce=lambda running: _announce(settings, running)))
    except _UNUSABLE as error:
        _give_up("start", error)


@app.command()
def provision(*, dry_run: Annotated[bool, typer.Option(help="Change nothing; print what would be.")] = False) -> None:
    """Bring the bucket and the table of the AWS backend to what they should be. Safe to repeat."""
    settings, changes = _settings(), 0
    try:
        for changes, change in enumerate(administration.provision(settings, dry_run=dry_run), 1):  # noqa: B007 - counted
            typer.echo(str(change))
    except _UNUSABLE as error:
        _give_up("provision", error)
    if not changes:
        typer.echo("Nothing to do: everything is as it should be.")
    if not dry_run and (findings := asyncio.run(administration.try_store(settings))):
        typer.echo("\n" + "\n".join(map(doctor_report.as_text, findings)))
    if dry_run and changes:
        typer.echo("\nNothing was changed. Without --dry-run, lines with + and ~ are carried out; ! is left to you.")


@app.command()
def policy() -> None:
    """Print the least that storage's role must be allowed on AWS, as an IAM policy."""
    try:
        typer.echo(json.dumps(administration.role_policy(_settings()), indent=2))
    except administration.NothingToAskError as error:
        _give_up("print a policy", error)


@app.command()
def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Examine the store: a line and a remedy for each check; exit code 1 if any fails. Storage may serve meanwhile."""
    settings = _settings()
    logs.configure(level="WARNING", format=settings.log_format)  # which masks what looks like a secret
    findings = asyncio.run(_examined(settings, aloud=not as_json))
    typer.echo(doctor_report.as_json(findings) if as_json else f"\n{doctor_report.summary(findings)}")
    if not doctor_report.passed(findings):
        raise typer.Exit(FOUND_FAULTS)


@app.command()
def mirror(
    *,
    dry_run: Annotated[bool, typer.Option(help="Change nothing; tell what differs.")] = False,
    thorough: Annotated[bool, typer.Option(help="Read every copy, where the store keeps no checksum.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Compare the second bucket with what is stored, and bring it up to date; exit code 1 if differences are left."""
    settings = _settings()
    logs.configure(level="WARNING", format=settings.log_format)
    try:
        code = cli_mirror.mirror(settings, dry_run=dry_run, thorough=thorough, as_json=as_json)
    except (*_UNUSABLE, cli_mirror.NoMirrorError) as error:
        _give_up("mirror", error)
    raise typer.Exit(code)


@app.command("retire-fallback")
def retire_fallback(
    *, lose: Annotated[bool, typer.Option(help="Also if audio lies there: nobody can read it from then on.")] = False
) -> None:
    """Give the fallback's folder up, so that storage starts without it. Stop storage before."""
    try:
        retired = asyncio.run(administration.retire_fallback(_settings(), lose=lose))
    except (*_UNUSABLE, administration.NothingToAskError) as error:
        _give_up("retire the fallback", error)
    typer.echo(f"The folder {retired} is given up." if retired else "No folder was registered.")


@app.command("import")
def import_(  # noqa: PLR0913 - one for each option
    folder: Annotated[Path, typer.Argument(help="Its files are read, and stay as they are.")],
    *,
    collection: cli_import.Collection = "",
    layout: cli_import.Layout = "",
    pattern: cli_import.Paths = "",
    field: cli_import.Fields = None,
    expire_from: cli_import.ExpireFrom = "now",
    report: cli_import.Report = None,
    workers: cli_import.Workers = 4,
    dry_run: cli_import.DryRun = False,
    as_json: cli_import.AsJson = False,
) -> None:
    """Bring a folder of audio in. Safe to repeat; exit code 1 if files failed, 2 if it could not run."""
    settings = _settings()
    logs.configure(level="WARNING", format=settings.log_format)
    options = cli_import.Options(
        collection=collection,
        layout=layout,
        pattern=pattern,
        fields=field or (),
        expire_from=expire_from,
        report=report,
        workers=workers,
        dry_run=dry_run,
        as_json=as_json,
    )
    try:
        code = cli_import.import_folder(settings, folder, options)
    except (*_UNUSABLE, *cli_import.UNUSABLE, CollectionUnknownError) as error:
        _give_up("import", error)
    raise typer.Exit(code)


@app.command()
def config() -> None:
    """Print the effective settings; `*` marks what differs from the default, secrets are masked."""
    typer.echo(_settings().describe())


async def _examined(settings: StorageSettings, *, aloud: bool) -> list[Finding]:
    findings = []
    async for finding in administration.examine(settings):
        findings.append(finding)
        if aloud:
            typer.echo(doctor_report.as_text(finding))
    return findings


def _settings() -> StorageSettings:
    try:
        return StorageSettings.load()
    except SettingsError as error:
        _give_up("start", error)


def _announce(settings: StorageSettings, running: RunningStorage) -> None:
    addresses = {"storage": running.storage.address, "retention": running.retention.address}
    if settings.log_format == "json":
        logger.info("storage.serving", extra={"backend": running.backend.name, **addresses})
        return
    url = settings.links_url or f"http://{settings.links_listen}"
    has_links = settings.backend == "embedded" or settings.fallback_dir is not None
    links = "" if not has_links else f"\n  links             {url}"
    token = "MAYFLY_TOKEN=... " if settings.callers_file else ""
    typer.echo(
        f"{settings.describe()}\n\n"
        f"Mayfly storage, backend {running.backend.name} ({running.backend.bucket})\n"
        f"  StorageService    {addresses['storage']}\n"
        f"  RetentionService  {addresses['retention']}{links}\n\n"
        f"Try it: MAYFLY_STORAGE_TARGET={addresses['storage']} {token}mayfly info\n",
        err=True,
    )


def _give_up(verb: str, error: Exception) -> NoReturn:
    missing = isinstance(error, BackendMisconfiguredError) and verb == "start"
    hint = " `mayfly-storage provision` makes a bucket and a table that are missing." if missing else ""
    typer.echo(f"mayfly-storage could not {verb}: {error}{hint}", err=True)
    raise typer.Exit(COULD_NOT_START) from None
