"""`mayfly process`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mayfly_client._requests_processing import PRESETS
from mayfly_client.cli import as_json, drawing, human, parsing
from mayfly_client.cli.options import (
    Collection,
    Fetch,
    Json,
    KeyFields,
    Labels,
    Peaks,
    Quiet,
    Ttl,
    UrlTtl,
    User,
    duration_option,
    kept,
    output,
    session,
)
from mayfly_client.cli.targets import STDOUT, Target

if TYPE_CHECKING:
    from mayfly_client._options import ProcessOptions
    from mayfly_client._results_processing import ProcessedAudio
    from mayfly_client.cli.output import Output

Source = Annotated[
    str, typer.Argument(metavar="FILE|NAME", help="A file, or the name of a stored audio: audio/DATE/ID.")
]
Preset = Annotated[
    str | None, typer.Option("--preset", "-p", metavar="PRESET", help=f"{' or '.join(PRESETS)}.", show_default=False)
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", "-f", metavar="FORMAT", help="Default: by the suffix of the output, or mp3.", show_default=False
    ),
]
Trim = Annotated[bool | None, typer.Option("--trim/--no-trim", help="Remove silence at both ends.", show_default=False)]
Start = Annotated[
    timedelta | None,
    duration_option("--start", "Keep from here: 1m30s.", metavar="TIME"),
]
End = Annotated[
    timedelta | None,
    duration_option("--end", "Keep to here.", metavar="TIME"),
]
Rate = Annotated[
    int | None, typer.Option("--rate", metavar="HERTZ", help="Sample rate, 8000 to 48000.", show_default=False)
]
Mono = Annotated[bool | None, typer.Option("--mono/--stereo", help="Mix to one channel.", show_default=False)]
Loudness = Annotated[
    float | None, typer.Option("--loudness", metavar="LUFS", help="Level to this, e.g. -16.", show_default=False)
]
BitRate = Annotated[
    int | None, typer.Option("--bit-rate", metavar="BPS", help="Of lossy formats, e.g. 64000.", show_default=False)
]
Transcribe = Annotated[bool, typer.Option("--transcribe", help="Also answer what is said, if the server can.")]


def process(  # noqa: PLR0913 - each option of the command is a parameter
    ctx: typer.Context,
    source: Source,
    *,
    target: Fetch = None,
    preset: Preset = None,
    audio_format: Format = None,
    trim: Trim = None,
    start: Start = None,
    end: End = None,
    rate: Rate = None,
    mono: Mono = None,
    loudness: Loudness = None,
    bit_rate: BitRate = None,
    transcribe: Transcribe = False,
    peaks: Peaks = None,
    collection: Collection = None,
    key: KeyFields = None,
    label: Labels = None,
    user: User = None,
    ttl: Ttl = None,
    url_ttl: UrlTtl = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Trim, cut, level and transcode an audio, keep the result, and print a link to it."""
    place = Target.of(target)
    out = output(ctx, json=json, quiet=quiet, to_stderr=place is STDOUT)
    wanted = audio_format or parsing.format_by_suffix(target)
    drawing.check(peaks, wanted or "mp3")
    options: ProcessOptions = {
        "preset": preset,
        "format": wanted,
        "trim_silence": trim,
        "start": start,
        "end": end,
        "sample_rate_hertz": rate,
        "mono": mono,
        "loudness_lufs": loudness,
        "bit_rate_bps": bit_rate,
        "transcribe": transcribe,
        "collection": collection,
        "url_ttl": url_ttl,
        **kept(key=key, label=label, user=user, ttl=ttl),
    }
    with session(ctx).client() as client:
        with out.transfer("Processing") as progress:
            made = client.process_audio(_source(source), progress=progress, **options)
        saved = place.fetch(client, made.name, out) if place else None
        if peaks:
            drawing.write(peaks, client, made.name, out)
    if not (quiet and place):
        _show(out, made, saved, asked=ttl)


def _source(given: str) -> Path | str:
    """A file that is there, or else a name."""
    path = Path(given)
    if path.is_file():
        return path
    if given.startswith("audio/"):
        return given
    raise typer.BadParameter(f"{given} is no file that is there, and no name of an audio (audio/DATE/ID)")


def _show(out: Output, made: ProcessedAudio, saved: Path | None, *, asked: timedelta | None) -> None:
    if out.json:
        return out.data(_data(made, saved))
    if out.quiet:
        return out.line(made.name)
    audio = made.audio
    facts = {
        "name": audio.name,
        "key": audio.object_key,
        "source": f"{human.size(made.source_size_bytes)} ({made.source_container})",
        "duration": _lengths(made),
        "size": f"{human.size(audio.size_bytes)} ({audio.content_type})",
        "loudness": f"{made.loudness_lufs:.1f} LUFS" if made.loudness_lufs is not None else "",
        "transcript": made.transcript,
        "expire_time": human.kept_until(audio.expire_time, since=audio.create_time, asked=asked, now=datetime.now(UTC)),
        "took": human.length(made.processing_time),
        "saved to": str(saved) if saved else "",
    }
    return out.facts("Processed", {name: told for name, told in facts.items() if told}, link=audio.url)


def _lengths(made: ProcessedAudio) -> str:
    before = f" of {human.length(made.source_duration)}" if made.source_duration is not None else ""
    return human.length(made.duration) + before


def _data(made: ProcessedAudio, saved: Path | None) -> dict[str, Any]:
    """The audio's own attributes at the top, as every other command prints them."""
    told: dict[str, Any] = as_json.plain(made)
    audio: dict[str, Any] = told.pop("audio")
    return {**audio, **told, "saved_to": str(saved) if saved else None}
