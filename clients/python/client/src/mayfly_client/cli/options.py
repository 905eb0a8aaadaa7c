"""Options that several commands share, and the session that the options before the command make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mayfly_client._formats import FORMATS
from mayfly_client._sync import Client
from mayfly_client.cli import parsing
from mayfly_client.cli.output import Output
from mayfly_client.config import ClientSettings

if TYPE_CHECKING:
    from typer.models import OptionInfo

    from mayfly_client._options import KeepOptions


@dataclass(slots=True, kw_only=True)
class Session:
    """What the options before the command say; read from the environment only when a command needs it."""

    storage: str | None = None
    synth: str | None = None
    sweeper: str | None = None
    timeout: float | None = None
    json: bool = False
    """Whether the command was asked for JSON; then failures are JSON, too."""

    def client(self) -> Client:
        """A client for the servers that are meant."""
        found = ClientSettings.from_env()
        return Client.from_settings(
            replace(
                found,
                storage=self.storage or found.storage,
                synth=self.synth or found.synth,
                sweeper=self.sweeper or found.sweeper,
                timeout=self.timeout or found.timeout,
            ),
        )


def output(ctx: typer.Context, *, json: bool, quiet: bool, to_stderr: bool = False) -> Output:
    """The command's output; from now on failures look like it."""
    session(ctx).json = json
    return Output(json=json, quiet=quiet, to_stderr=to_stderr)


def session(ctx: typer.Context) -> Session:
    """The session of this run."""
    found = ctx.ensure_object(Session)
    if not isinstance(found, Session):
        raise TypeError("the context holds something else than a session")
    return found


def kept(*, key: list[str] | None, label: list[str] | None, user: str | None, ttl: timedelta | None) -> KeepOptions:
    """What is said of any new audio."""
    return {
        "key_fields": parsing.pairs(key, "--key"),
        "labels": parsing.pairs(label, "--label"),
        "user_id": user,
        "ttl": ttl,
    }


def duration_option(flag: str, meaning: str, *, metavar: str = "DURATION") -> OptionInfo:
    """An option that is a length of time."""
    made: OptionInfo = typer.Option(flag, parser=parsing.duration, metavar=metavar, help=meaning, show_default=False)
    return made


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n\n".join(["[bold]Examples[/bold]", *(f"  [cyan]{line}[/cyan]" for line in lines)])


Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON value instead of text; errors are JSON on standard error.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print as little as is useful to a script.")]
Name = Annotated[str, typer.Argument(help="Name of an audio: audio/DATE/ID.", metavar="NAME", show_default=False)]
Names = Annotated[list[str], typer.Argument(help="Names of audio: audio/DATE/ID.", metavar="NAME")]
Collection = Annotated[
    str | None,
    typer.Option(
        "--collection",
        "-c",
        metavar="COLLECTION",
        help="Collection of storage; `mayfly info` lists them.",
        show_default=False,
    ),
]
KeyFields = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="FIELD=VALUE", help="A part of the object's key. Repeatable.", show_default=False),
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME=VALUE", help="A note of your own. Repeatable.", show_default=False),
]
User = Annotated[str | None, typer.Option("--user", metavar="ID", help="Whose audio it is.", show_default=False)]
Ttl = Annotated[
    timedelta | None,
    duration_option("--ttl", "How long it may be read: 90s, 5m, 24h. Default and maximum: the collection's."),
]
LinkTtl = Annotated[
    timedelta | None,
    duration_option("--ttl", "How long the link lives; never longer than the audio."),
]
UrlTtl = Annotated[
    timedelta | None,
    duration_option("--url-ttl", "How long the link lives; never longer than the audio."),
]
File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="File to save.", exists=True, dir_okay=False, readable=True),
]
ContentType = Annotated[
    str | None,
    typer.Option("--content-type", metavar="TYPE", help="MIME type. Default: by the suffix."),
]
Duration = Annotated[
    timedelta | None,
    duration_option("--duration", "Length of the audio."),
]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="What to say; - reads it from standard input.")]
Fetch = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Also fetch the audio; - writes it to standard output."),
]
Voice = Annotated[str | None, typer.Option("--voice", "-v", metavar="VOICE", help="Voice; `mayfly voices` lists them.")]
Speaker = Annotated[str | None, typer.Option("--speaker", metavar="NAME", help="Speaker of a voice with several.")]
AudioFormat = Annotated[
    str | None,
    typer.Option(
        "--format", "-f", metavar="FORMAT", help=f"{', '.join(FORMATS)}. Default: by the suffix of FILE, or wav."
    ),
]
Speed = Annotated[float | None, typer.Option("--speed", metavar="FACTOR", help="0.25 to 4.0.")]
Volume = Annotated[float | None, typer.Option("--volume", metavar="FACTOR", help="0.0 to 2.0.")]
Pause = Annotated[
    timedelta | None,
    duration_option("--pause", "Silence after each sentence: 0.5s. Default: the server's."),
]
Language = Annotated[
    str | None, typer.Option("--language", "-l", metavar="CODE", help="Picks a voice: en or en_US.", show_default=False)
]
Pronounce = Annotated[
    list[str] | None,
    typer.Option(
        "--pronounce",
        metavar="WORD=SAID",
        help="Other words to say, or phonemes in [[...]]. Repeatable.",
        show_default=False,
    ),
]
Ssml = Annotated[bool, typer.Option("--ssml", help="TEXT is SSML.")]
Lenient = Annotated[bool, typer.Option("--lenient", help="Leave out SSML that is not supported, with a warning.")]
Repeatable = Annotated[bool, typer.Option("--repeatable", help="The same text gives the same bytes: no noise.")]
Captions = Annotated[
    str | None,
    typer.Option("--captions", metavar="FILE", help="Also write captions: .srt, .vtt or .json.", show_default=False),
]
FilePerSentence = Annotated[bool, typer.Option("--file-per-sentence", help="Keep a file for each sentence.")]
Peaks = Annotated[
    str | None,
    typer.Option(
        "--peaks",
        metavar="FILE",
        help="Also write peaks to draw, as JSON of audiowaveform. Of WAV.",
        show_default=False,
    ),
]
