"""`python -m tools.demo --text "..."`: from a sentence to a link that plays, to proof that it is gone.

Starts a set of its own on free ports and in a temporary folder, so that it never meets the one of `make up`, and talks
to it as any backend would: through the client.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from mayfly_client import AudioNotFoundError, Client, MayflyError, SweepState
from mayfly_client.cli import human
from tools.stack.layout import Layout, Ports
from tools.stack.lifecycle import StartFailedError, bring_down, bring_up, exit_on_sigterm
from tools.stack.programs import Backend
from tools.stack.view import start_view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mayfly_client import Speech, Sweep

SHORT_LIFE: Final = timedelta(seconds=3)
SHORT_TEXT: Final = "This one is gone in three seconds."
REFUSED: Final = (403, 404, 410)
_HTTP_TIMEOUT: Final = 10.0
_GRACE: Final = timedelta(seconds=5)
"""How long after its end a link may take to be refused before the demo calls it a failure."""

PLAYERS: Final = ("afplay", "paplay", "aplay", "ffplay", "xdg-open")

console = Console(highlight=False, soft_wrap=True)


class BrokenPromiseError(Exception):
    """The demo saw something that must not be."""


def main(
    text: Annotated[str, typer.Option(help="What to say.")],
    output: Annotated[Path, typer.Option(help="Where to put the audio.")] = Path("hello.wav"),
) -> None:
    """Text in, speech out, a link that plays, and a sweep that removes it."""
    begun = time.monotonic()
    if not text.strip():
        fail("There is nothing to speak: TEXT is empty.", 'Give some text: make demo TEXT="Hello."')
    exit_on_sigterm()
    try:
        with private_set() as layout, client_of(layout) as client:
            console.print(f"[dim]The set is up after {time.monotonic() - begun:.1f} s.[/]")
            console.print(f"Its page: http://{layout.address('gateway')}/ [dim](while this demo runs)[/]\n")
            spoken = speak(client, text)
            fetch(client, spoken, output)
            short = let_one_expire(client)
            sweep(client, kept=spoken, gone=short)
    except MayflyError as error:
        fail(str(error), error.remedy)
    except (StartFailedError, BrokenPromiseError) as error:
        fail(str(error))
    console.print(
        f"Everything is stopped and its folder removed: {time.monotonic() - begun:.1f} s in all.\n"
        "To keep a set running: `make up`, which serves the page at http://127.0.0.1:50088/, then "
        '`make say TEXT="..."`, and `make down` in the end.',
        style="dim",
    )


@contextmanager
def private_set() -> Iterator[Layout]:
    """A set on free ports with a folder of its own; nothing is left of it."""
    folder = Path(tempfile.mkdtemp(prefix="mayfly-demo-"))
    layout = Layout(ports=Ports.free(), data=folder / "data", run=folder / "run")
    layout.run.mkdir()
    try:
        with start_view(console) as view:
            bring_up(layout, Backend.EMBEDDED, view)
        yield layout
    finally:
        bring_down(layout)
        shutil.rmtree(folder, ignore_errors=True)


def client_of(layout: Layout) -> Client:
    """The client of a set."""
    return Client(storage=layout.address("storage"), synth=layout.address("synth"), sweeper=layout.address("sweeper"))


def speak(client: Client, text: str) -> Speech:
    """Speak the text, and show the answer."""
    title("1. Speak")
    begun = time.monotonic()
    with console.status("speaking ..."):
        speech = client.speak(text)
    took = timedelta(seconds=time.monotonic() - begun)
    facts(
        {
            "audio": speech.name,
            "voice": speech.voice,
            "duration": human.length(speech.duration),
            "expire_time": human.end(speech.expire_time, datetime.now(UTC)),
            "took": human.length(took),
            "URL": speech.url,
            "": "(it plays while this demo runs)",
        }
    )
    return speech


def fetch(client: Client, speech: Speech, output: Path) -> None:
    """Download the audio through its signed URL."""
    title("2. Fetch it through its link")
    client.download(speech.name, output)
    player = next((name for name in PLAYERS if shutil.which(name)), None)
    facts(
        {
            "saved to": f"{output} ({human.size(output.stat().st_size)}, its SHA-256 is the one that storage knows)",
            "play it": f"{player} {output}" if player else f"open {output} with any player",
        }
    )


def let_one_expire(client: Client) -> Speech:
    """Keep a second clip for a few seconds only, and see that nobody reads it afterwards."""
    title(f"3. Keep another for {SHORT_LIFE.total_seconds():.0f} s only")
    speech = client.speak(SHORT_TEXT, ttl=SHORT_LIFE)
    end = speech.expire_time
    if end is None:
        raise BrokenPromiseError(f"{speech.name} was to expire, and has no expire_time.")
    before = status_of(speech.url)
    count_down(end)
    after = await_refusal(speech.url, until=end + _GRACE)
    facts(
        {
            "audio": speech.name,
            "expire_time": human.moment(end),
            "its URL before": f"HTTP {before}",
            "its URL now": f"HTTP {after}, and no sweep has run yet",
            "GetAudio now": refused_by_name(client, speech.name),
        }
    )
    require(before == httpx.codes.OK, f"The new link answered HTTP {before}.")
    require(after in REFUSED, f"The link still answers HTTP {after} after its end.")
    return speech


def sweep(client: Client, *, kept: Speech, gone: Speech) -> None:
    """Sweep, and show what the sweep reports."""
    title("4. Sweep")
    begun = client.start_sweep()
    with console.status("sweeping ..."):
        *_, last = client.watch_sweep(begun.name)
    console.print(report(last))
    facts(
        {
            "state": last.state.value,
            "verified gone": f"{last.report.verified_gone}, by the store's own answer",
            "still there": str(last.report.still_there),
            "at most late by": f"{last.report.max_lateness_seconds:.1f} s",
            "the first clip": f"HTTP {status_of(kept.url)}: it has its 24 h, and is left alone",
        }
    )
    require(last.state is SweepState.CLEAN, f"The sweep ended as {last.state}: {last.failure or 'see above'}.")
    require(last.report.deleted == 1, f"The sweep deleted {last.report.deleted} items instead of {gone.name} alone.")
    require(last.report.verified_gone == 1, "The deletion could not be verified.")
    require(status_of(kept.url) == httpx.codes.OK, "The sweep took the clip that was to stay.")


def report(done: Sweep) -> Table:
    """The report of a sweep."""
    table = Table(title=done.name, title_justify="left", title_style="dim")
    table.add_column("reason")
    for column in ("found", "deleted", "already gone", "skipped", "failed", "size"):
        table.add_column(column, justify="right")
    for line in done.report.lines:
        counts = (line.found, line.deleted, line.already_gone, line.skipped, line.failed)
        table.add_row(line.reason, *map(str, counts), human.size(line.size_bytes))
    return table


def count_down(end: datetime) -> None:
    """Wait for a moment; a terminal sees it come."""
    total = max((end - datetime.now(UTC)).total_seconds(), 0.0)
    columns = (TextColumn("expires in {task.fields[left]:.1f} s"), BarColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, left=total)
        while (left := (end - datetime.now(UTC)).total_seconds()) > 0:
            bar.update(task, completed=total - left, left=left)
            time.sleep(min(left, 0.1))


def await_refusal(url: str, *, until: datetime) -> int:
    """The status of a link that has to end now; the last one that was seen if it does not."""
    while (status := status_of(url)) == httpx.codes.OK and datetime.now(UTC) < until:
        time.sleep(0.05)
    return status


def status_of(url: str) -> int:
    """What a link answers."""
    with httpx.Client(timeout=_HTTP_TIMEOUT, trust_env=False) as http, http.stream("GET", url) as response:
        return response.status_code


def refused_by_name(client: Client, name: str) -> str:
    """What storage says about an audio that has expired."""
    try:
        client.get(name)
    except AudioNotFoundError as error:
        return error.reason
    raise BrokenPromiseError(f"GetAudio still answers {name} after its end.")


def title(text: str) -> None:
    """A heading."""
    console.print(f"[bold]{text}[/]")


def facts(told: dict[str, str]) -> None:
    """Names and values, aligned."""
    for name, value in told.items():
        console.print(Text.assemble((f"   {name:<16}", "cyan"), value))
    console.print()


def require(truth: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Stop the demo where a promise is broken.

    Raises:
        BrokenPromiseError: It is.
    """
    if not truth:
        raise BrokenPromiseError(otherwise)


def fail(problem: str, remedy: str = "") -> NoReturn:
    """Say what went wrong, and exit with 1."""
    sys.stdout.flush()
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text.assemble(("Failed: ", "bold red"), problem))
    if remedy:
        sys.stderr.write(f"{remedy}\n")
    raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
