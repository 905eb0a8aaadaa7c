"""`python -m tools.stack up|down|status`: the local set, behind `make up` and `make down`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from tools.stack import record
from tools.stack.layout import DEFAULT_BASE, Layout, PortsTakenError, project_layout
from tools.stack.lifecycle import OtherBackendError, StartFailedError, bring_down, bring_up, exit_on_sigterm
from tools.stack.programs import Backend
from tools.stack.provision import ProvisionError
from tools.stack.record import BusyError, exclusively
from tools.stack.view import start_view

_EXPECTED = (PortsTakenError, StartFailedError, OtherBackendError, ProvisionError, BusyError)

BaseOption = Annotated[
    int,
    typer.Option(
        "--port-base",
        envvar="MAYFLY_PORT_BASE",
        min=1024,
        max=65_000,
        help="Moves all ports (and has folders of its own): 51000 makes 51051 of 50051.",
    ),
]

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(soft_wrap=True, highlight=False)
errors = Console(stderr=True, soft_wrap=True, highlight=False)


@app.command()
def up(
    backend: Annotated[Backend, typer.Option(help="Where storage keeps audio.")] = Backend.EMBEDDED,
    port_base: BaseOption = DEFAULT_BASE,
) -> None:
    """Start storage, synth, sweeper and the gateway, and leave them running."""
    layout = project_layout(port_base)
    exit_on_sigterm()
    try:
        with exclusively(layout):
            was_up = _is_up(layout)
            with start_view(console) as view:
                bring_up(layout, backend, view)
    except _EXPECTED as error:
        errors.print(f"[bold red]Not up:[/] {escape(str(error))}")
        raise typer.Exit(1) from None
    _tell(layout, backend, was_up=was_up)


@app.command()
def down(port_base: BaseOption = DEFAULT_BASE) -> None:
    """Stop what `up` started, and nothing else. What storage keeps stays."""
    layout = project_layout(port_base)
    try:
        with exclusively(layout):
            stopped = bring_down(layout)
    except BusyError as error:
        errors.print(str(error))
        raise typer.Exit(1) from None
    console.print(f"Stopped {', '.join(process.name for process in stopped)}." if stopped else "Nothing was up.")


@app.command()
def status(port_base: BaseOption = DEFAULT_BASE) -> None:
    """Say what runs. Exit code 1 if the set is not up, or not whole."""
    layout = project_layout(port_base)
    known = record.read(layout)
    for process in known.processes if known else ():
        console.print(f"{process.name:8} pid {process.pid:<8} {'runs' if process.is_alive() else 'has ended'}")
    if not _is_up(layout):
        console.print("The set is not up.")
        raise typer.Exit(1)


def _is_up(layout: Layout) -> bool:
    known = record.read(layout)
    return known is not None and len(known.alive()) == len(known.processes)


def _tell(layout: Layout, backend: Backend, *, was_up: bool) -> None:
    console.print(f"\n{'Already up' if was_up else 'Up'} (backend {backend}):")
    for door in _doors(backend):
        scheme = "http://" if door in ("links", "moto") else ""
        console.print(f"  {door:10} {scheme}{layout.address(door)}")
    console.print(f"  {'page':10} http://{layout.address('gateway')}/")
    console.print(
        f"  {'operators':10} http://{layout.address('gateway')}/operators (token: {layout.data}/operators.token)"
    )
    data = "in the emulator's memory, gone with `make down`" if backend is Backend.AWS else layout.data
    console.print(f"  {'data':10} {data}\n  {'logs':10} {layout.run}/*.log")
    console.print(f'\nTry it:   {_targets(layout)}make say TEXT="Hello from Mayfly."')
    console.print(f"Stop it:  {_base(layout)}make down")


def _doors(backend: Backend) -> tuple[str, ...]:
    # Links of the AWS backend lead to the emulator itself.
    return ("storage", "retention", "moto" if backend is Backend.AWS else "links", "synth", "sweeper")


def _targets(layout: Layout) -> str:
    """What the client has to be told; nothing for the usual ports."""
    if layout == project_layout():
        return ""
    return "".join(f"MAYFLY_{door.upper()}_TARGET={layout.address(door)} " for door in ("storage", "synth", "sweeper"))


def _base(layout: Layout) -> str:
    return "" if layout == project_layout() else f"MAYFLY_PORT_BASE={layout.ports.storage - 51} "


if __name__ == "__main__":
    app()
