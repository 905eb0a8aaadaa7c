"""`mayfly save` and `mayfly get`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mayfly_client.cli import as_json, human
from mayfly_client.cli.options import (
    ContentType,
    Duration,
    File,
    Json,
    KeyFields,
    Labels,
    Name,
    Quiet,
    Ttl,
    User,
    kept,
    output,
    session,
)
from mayfly_client.cli.targets import STDOUT, Target

if TYPE_CHECKING:
    from mayfly_client._results_storage import Audio


def save(  # noqa: PLR0913 - each option of the command is a parameter
    ctx: typer.Context,
    file: File,
    *,
    collection: Annotated[
        str,
        typer.Option(
            "--collection", "-c", metavar="COLLECTION", help="Collection of storage; `mayfly info` lists them."
        ),
    ] = "temp-audio",
    content_type: ContentType = None,
    duration: Duration = None,
    key: KeyFields = None,
    label: Labels = None,
    user: User = None,
    ttl: Ttl = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Save a file, straight to its final place."""
    out = output(ctx, json=json, quiet=quiet)
    with session(ctx).client() as client, out.transfer("Saving") as progress:
        audio = client.save(
            file,
            collection=collection,
            content_type=content_type,
            duration=duration,
            progress=progress,
            **kept(key=key, label=label, user=user, ttl=ttl),
        )
    if json:
        out.data(audio)
    elif quiet:
        out.line(audio.name)
    else:
        out.facts("Saved", audio_facts(audio, asked=ttl))


def get(  # noqa: PLR0913 - each option of the command is a parameter
    ctx: typer.Context,
    name: Name,
    *,
    target: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to; - is standard output. Default: its own name."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    stream: Annotated[
        bool, typer.Option("--stream", help="Fetch it from storage itself, where links cannot be reached.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fetch an audio, and check that it is what was saved."""
    place = Target.of(target)
    if place is not None and place.path is not None:
        _spare(place.path, force=force)
    out = output(ctx, json=json, quiet=quiet, to_stderr=place is STDOUT)
    with session(ctx).client() as client:
        audio = client.get(name)
        saved = (place or _own_name(audio, force=force)).fetch(client, name, out, stream=stream)
    if json:
        return out.data({**as_json.plain(audio), "saved_to": str(saved) if saved else None})
    if quiet:
        return None if saved is None or target else out.line(str(saved))
    return out.facts("Fetched", {**audio_facts(audio), **({"saved to": str(saved)} if saved else {})})


def audio_facts(audio: Audio, *, asked: timedelta | None = None) -> dict[str, str]:
    """What people want to know about an audio, for which a length of life was `asked`."""
    facts = {
        "name": audio.name,
        "collection": audio.collection,
        "key": audio.object_key,
        "size": f"{human.size(audio.size_bytes)} ({audio.content_type})",
        "duration": human.length(audio.duration) if audio.duration else "",
        "voice": audio.voice,
        "user": audio.user_id,
        "expire_time": human.kept_until(audio.expire_time, since=audio.create_time, asked=asked, now=datetime.now(UTC)),
    }
    return {name: value for name, value in facts.items() if value}


def _own_name(audio: Audio, *, force: bool) -> Target:
    """The last part of the audio's key, in this folder."""
    path = Path(audio.file_name)
    _spare(path, force=force)
    return Target(path)


def _spare(path: Path, *, force: bool) -> None:
    """Do not replace a file unasked; devices and pipes are there to be written to."""
    if path.is_file() and not force:
        raise typer.BadParameter(f"{path} is there already; name another file with -o, or replace it with --force")
