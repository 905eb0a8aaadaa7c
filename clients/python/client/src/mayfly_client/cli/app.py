"""The `mayfly` command: its verbs, and the options before them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from mayfly_client.cli.audio import ls, rm, url
from mayfly_client.cli.group import ReportingGroup
from mayfly_client.cli.info import info
from mayfly_client.cli.keeping import forget, keep, usage
from mayfly_client.cli.options import Session, examples
from mayfly_client.cli.processing import process
from mayfly_client.cli.speech import say, voices
from mayfly_client.cli.sweeping import sweep
from mayfly_client.cli.sweeps import sweeps
from mayfly_client.cli.transfers import get, save

_ENDS = "\n\nExit codes: 0 all is well, 1 failed, 2 used wrongly, 3 done in part."

app = typer.Typer(
    cls=ReportingGroup,
    help="Text becomes speech, speech becomes a link that ends on time.",
    epilog=examples('mayfly say "Hello." -o hello.wav', "mayfly voices", "mayfly sweep --dry-run") + _ENDS,
    rich_markup_mode="rich",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    # A failure is a message with a remedy, not a traceback.
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        typer.echo(f"mayfly {version('mayfly-client')}")
        raise typer.Exit


@app.callback()
def before(
    ctx: typer.Context,
    *,
    storage: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Storage. Default: MAYFLY_STORAGE_TARGET, or 127.0.0.1:50051."),
    ] = None,
    synth: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Synth. Default: MAYFLY_SYNTH_TARGET, or 127.0.0.1:50061."),
    ] = None,
    sweeper: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Sweeper. Default: MAYFLY_SWEEPER_TARGET, or 127.0.0.1:50071."),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0.1, help="For a call. Default: MAYFLY_TIMEOUT, or 30."),
    ] = None,
    _version_wanted: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Make the session that the verbs use."""
    ctx.obj = Session(storage=storage, synth=synth, sweeper=sweeper, timeout=timeout)


app.command(
    epilog=examples(
        'mayfly say "Hello." -o hello.mp3',
        "fortune | mayfly say - -o - | aplay",
        'mayfly say "Until noon." --ttl 3h --url-ttl 15m',
        'mayfly say "Hello. How are you?" --captions hello.vtt',
        'mayfly say "Hello." --peaks hello.json',
        "mayfly say --ssml '<speak>One <break time=\"1s\"/> two.</speak>'",
        'mayfly say -q "For a script."',
    ),
)(say)
app.command(
    epilog=examples(
        "mayfly process interview.m4a --preset speech-to-text -o interview.mp3",
        "mayfly process take.wav --trim --loudness -16 -c pitches --key pitch_id=p1 --key filename=take.mp3",
        "mayfly process $(mayfly say -q Hello) --start 1s --format wav --peaks hello.json",
    ),
)(process)
app.command(
    epilog=examples(
        "mayfly save interview.m4a -c recordings --user u1 --key recording_id=r1",
        "mayfly save clip.wav --ttl 10m --json",
    ),
)(save)
app.command(
    epilog=examples(
        "mayfly get audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "mayfly get $(mayfly say -q Hello) -o - | aplay",
    ),
)(get)
app.command(
    epilog=examples(
        "mayfly url audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479 --ttl 5m",
        "mayfly ls -q | xargs mayfly url -q",
    ),
)(url)
app.command(epilog=examples("mayfly ls -c recordings --user u1", "mayfly ls --date 2025-12-08 --json"))(ls)
app.command(epilog=examples("mayfly rm audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479"))(rm)
app.command(epilog=examples("mayfly keep audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479 --ttl 7d"))(keep)
app.command(epilog=examples("mayfly forget --user u1", "mayfly forget --guest 203.0.113.7 --yes"))(forget)
app.command(epilog=examples("mayfly usage", "mayfly usage -c recordings --json"))(usage)
app.command(epilog=examples("mayfly voices --language en", "mayfly voices --json"))(voices)
app.command(epilog=examples("mayfly sweep --dry-run", "mayfly sweep -c temp-audio --max-delete 10000"))(sweep)
app.add_typer(sweeps)
app.command(epilog=examples("mayfly info", "mayfly info --json"))(info)
