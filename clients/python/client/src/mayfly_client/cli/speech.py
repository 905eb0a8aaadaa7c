"""`mayfly say` and `mayfly voices`."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mayfly_client._formats import format_of_file
from mayfly_client.cli import as_json, human, parsing
from mayfly_client.cli.options import (
    AudioFormat,
    Collection,
    Fetch,
    Json,
    KeyFields,
    Labels,
    Quiet,
    Speaker,
    Text,
    Ttl,
    UrlTtl,
    User,
    Voice,
    output,
    session,
)
from mayfly_client.cli.targets import STDOUT, Target

if TYPE_CHECKING:
    from mayfly_client._results_synth import Speech
    from mayfly_client.cli.output import Output


def say(  # noqa: PLR0913 - each option of the command is a parameter
    ctx: typer.Context,
    text: Text,
    *,
    target: Fetch = None,
    voice: Voice = None,
    speaker: Speaker = None,
    audio_format: AudioFormat = None,
    speed: Annotated[float | None, typer.Option("--speed", help="0.25 to 4.0.")] = None,
    collection: Collection = None,
    key: KeyFields = None,
    label: Labels = None,
    user: User = None,
    ttl: Ttl = None,
    url_ttl: UrlTtl = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Speak a text, keep it, and print a link to it."""
    place = Target.of(target)
    out = output(ctx, json=json, quiet=quiet, to_stderr=place is STDOUT)
    begun = time.monotonic()
    with session(ctx).client() as client:
        with out.waiting("Speaking ..."):
            speech = client.speak(
                _text(text),
                voice=voice,
                speaker=speaker,
                format=audio_format or _format_by_suffix(target),
                speed=speed,
                collection=collection,
                key_fields=parsing.pairs(key, "--key"),
                labels=parsing.pairs(label, "--label"),
                user_id=user,
                ttl=ttl,
                url_ttl=url_ttl,
            )
        took = timedelta(seconds=time.monotonic() - begun)
        saved = place.fetch(client, speech.name, out) if place else None
    if not (quiet and place):
        _show(out, speech, took, saved)


def voices(
    ctx: typer.Context,
    *,
    language: Annotated[
        str | None,
        typer.Option("--language", "-l", metavar="CODE", help="Only this language, e.g. en or en_US."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the voices that are loaded."""
    out = output(ctx, json=json, quiet=quiet)
    with session(ctx).client() as client:
        found = client.voices(language)
    if json:
        return out.data(found)
    if quiet:
        for each in found:
            out.line(each.name)
        return None
    rows = [
        (
            each.name + (" (default)" if each.is_default else ""),
            f"{each.language_code} {each.language}",
            each.quality,
            f"{each.sample_rate_hertz:,} Hz",
            ", ".join(each.speakers) or "-",
        )
        for each in found
    ]
    return out.table(("voice", "language", "quality", "rate", "speakers"), rows)


def _text(given: str) -> str:
    return sys.stdin.read().strip("\r\n") if given == "-" else given


def _format_by_suffix(target: str | None) -> str | None:
    """The format that the file's suffix stands for; a suffix that stands for none is a slip of the user."""
    if target is None or target == "-" or not Path(target).suffix:
        return None
    found = format_of_file(target)
    if found is None:
        raise typer.BadParameter(f"{target}: the suffix stands for no format; say which with --format, e.g. wav or mp3")
    return found


def _show(out: Output, speech: Speech, took: timedelta, saved: Path | None) -> None:
    audio = speech.audio
    if out.json:
        return out.data(_data(speech, took, saved))
    if out.quiet:
        return out.line(audio.name)
    facts = {
        "name": audio.name,
        "voice": speech.voice,
        "duration": human.length(audio.duration),
        "size": f"{human.size(audio.size_bytes)} ({audio.content_type})",
        "expire_time": human.end(audio.expire_time, datetime.now(UTC)),
        "took": human.length(took),
        **({"saved to": str(saved)} if saved else {}),
    }
    return out.facts("Spoken", facts, link=audio.url)


def _data(speech: Speech, took: timedelta, saved: Path | None) -> dict[str, Any]:
    """The audio's own attributes at the top, as every other command prints them."""
    audio: dict[str, Any] = as_json.plain(speech.audio)
    said: dict[str, Any] = as_json.plain(speech)
    del said["stored"]
    return {**audio, **said, "took": took, "saved_to": str(saved) if saved else None}
