"""`--peaks`: what a player draws of a sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from mayfly_client import waveform

if TYPE_CHECKING:
    from mayfly_client._sync import Client
    from mayfly_client.cli.output import Output


def check(path: str | None, audio_format: str, *, several: bool = False) -> None:
    """Before anything is made: peaks are those of one WAV."""
    if path is None:
        return
    if several:
        raise typer.BadParameter("--peaks draws one file, and --file-per-sentence keeps several")
    if audio_format.lower() != "wav":
        raise typer.BadParameter(f"--peaks draws WAV, and this makes {audio_format}; add --format wav")


def write(path: str, client: Client, name: str, out: Output) -> None:
    """Fetch the audio and write its peaks."""
    with out.transfer("Drawing") as progress:
        waveform.write(path, client.download(name, progress=progress))
