"""What processing answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_client._results_synth import OneFile

if TYPE_CHECKING:
    from datetime import timedelta

    from mayfly_client._results_synth import StoredAudio


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessedAudio(OneFile):
    """A processed and stored audio."""

    audio: StoredAudio
    direct_upload: bool
    """Whether the result lies at its final key, so that nothing is left to upload."""
    source_container: str
    """What the source was, by its content: `wav`, `mp3`, `m4a`, `caf`, `flac`, `ogg`, `aiff` or `webm`."""
    source_size_bytes: int
    source_duration: timedelta | None
    """None where the rest of it was not heard, with `end`."""
    transcript: str
    """What is said, where that was asked for."""
    processing_time: timedelta
    """How long the server worked."""
    loudness_lufs: float | None
    """Measured loudness, where a target was asked for."""
    true_peak_dbtp: float | None
    """Measured true peak, where a target was asked for. None for silence."""
    debug_names: tuple[str, ...]
    """Storage's names of the copies for diagnosis, where the server keeps them of everything."""
