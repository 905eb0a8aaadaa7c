"""`mayfly say` and `mayfly voices`."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mayfly_client.captions import format_of
from mayfly_client.captions import write as write_captions
from mayfly_client.cli import as_json, drawing, human, parsing
from mayfly_client.cli.options import (
    AudioFormat,
    Captions,
    Collection,
    Fetch,
    FilePerSentence,
    Json,
    KeyFields,
    Labels,
    Language,
    Lenient,
    Pause,
    Peaks,
    Pronounce,
    Quiet,
    Repeatable,
    Speaker,
    Speed,
    Ssml,
    Text,
    Ttl,
    UrlTtl,
    User,
    Voice,
    Volume,
    kept,
    output,
    session,
)
from mayfly_client.cli.targets import STDOUT, Target

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_client._options import SpeakOptions
    from mayfly_client._results_synth import Speech
    from mayfly_client._sync import Client
    from mayfly_client.cli.output import Output


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spoken:
    """What came of a text."""

    speech: Speech
    took: timedelta
    asked: timedelta | None
    """The length of life that was asked for."""
    saved: Path | None = None


def say(  # noqa: PLR0913 - each option of the command is a parameter
    ctx: typer.Context,
    text: Text,
    *,
    target: Fetch = None,
    voice: Voice = None,
    speaker: Speaker = None,
    audio_format: AudioFormat = None,
    language: Language = None,
    speed: Speed = None,
    volume: Volume = None,
    pause: Pause = None,
    pronounce: Pronounce = None,
    ssml: Ssml = False,
    lenient: Lenient = False,
    repeatable: Repeatable = False,
    captions: Captions = None,
    peaks: Peaks = None,
    file_per_sentence: FilePerSentence = False,
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
    if file_per_sentence and place:
        raise typer.BadParameter(
            "--file-per-sentence keeps several files; fetch them with mayfly get, without --output"
        )
    _check_captions(captions)
    out = output(ctx, json=json, quiet=quiet, to_stderr=place is STDOUT)
    wanted = audio_format or parsing.format_by_suffix(target)
    drawing.check(peaks, wanted or "wav", several=file_per_sentence)
    options: SpeakOptions = {
        "voice": voice,
        "speaker": speaker,
        "format": wanted,
        "language_code": language,
        "speed": speed,
        "volume": volume,
        "sentence_silence": pause,
        "noise_scale": 0.0 if repeatable else None,
        "noise_w_scale": 0.0 if repeatable else None,
        "pronunciations": parsing.pairs(pronounce, "--pronounce"),
        "ssml": ssml,
        "lenient_ssml": lenient,
        "file_per_segment": file_per_sentence,
        "collection": collection,
        "url_ttl": url_ttl,
        **kept(key=key, label=label, user=user, ttl=ttl),  # type: ignore[typeddict-item] # it holds nothing else
    }
    with session(ctx).client() as client:
        spoken = _speak(client, _text(text), options, out)
        saved = place.fetch(client, spoken.speech.name, out) if place else None
        if peaks:
            drawing.write(peaks, client, spoken.speech.name, out)
    if captions:
        write_captions(captions, spoken.speech.segments, spoken.speech.marks)
    if not (quiet and place):
        _show(out, replace(spoken, saved=saved))


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
    if not found:
        return out.note(f"No voice that is loaded speaks {language}." if language else "No voice is loaded.")
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


def _speak(client: Client, text: str, options: SpeakOptions, out: Output) -> _Spoken:
    begun = time.monotonic()
    with out.waiting("Speaking ..."):
        speech = client.speak(text, **options)
    asked = options.get("ttl")
    return _Spoken(
        speech=speech,
        took=timedelta(seconds=time.monotonic() - begun),
        asked=asked if isinstance(asked, timedelta) else None,
    )


def _check_captions(path: str | None) -> None:
    """Before anything is spoken: a suffix that stands for no format is a slip of the user."""
    try:
        if path is not None:
            format_of(path)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _text(given: str) -> str:
    return sys.stdin.read().strip("\r\n") if given == "-" else given


def _show(out: Output, spoken: _Spoken) -> None:
    for warning in spoken.speech.warnings:
        out.note(warning)
    if out.json:
        return out.data(_data(spoken))
    if spoken.speech.stored is None:
        return _show_files(out, spoken)
    audio, saved = spoken.speech.stored, spoken.saved
    if out.quiet:
        return out.line(audio.name)
    until = human.kept_until(audio.expire_time, since=audio.create_time, asked=spoken.asked, now=datetime.now(UTC))
    facts = {
        "name": audio.name,
        "voice": spoken.speech.voice,
        "duration": human.length(audio.duration),
        "size": f"{human.size(audio.size_bytes)} ({audio.content_type})",
        "expire_time": until,
        "took": human.length(spoken.took),
        **({"saved to": str(saved)} if saved else {}),
    }
    return out.facts("Spoken", facts, link=audio.url)


def _show_files(out: Output, spoken: _Spoken) -> None:
    files = [segment.audio for segment in spoken.speech.segments if segment.audio is not None]
    if out.quiet:
        for audio in files:
            out.line(audio.name)
        return None
    rows = [
        (audio.name, audio.file_name, human.length(audio.duration), human.size(audio.size_bytes)) for audio in files
    ]
    return out.table(("name", "file", "duration", "size"), rows)


def _data(spoken: _Spoken) -> dict[str, Any]:
    """The audio's own attributes at the top, as every other command prints them."""
    audio: dict[str, Any] = as_json.plain(spoken.speech.stored) if spoken.speech.stored else {}
    said: dict[str, Any] = as_json.plain(spoken.speech)
    del said["stored"]
    saved_to = str(spoken.saved) if spoken.saved else None
    return {**audio, **said, "took_seconds": spoken.took, "saved_to": saved_to}
