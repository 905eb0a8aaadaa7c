"""What processing answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from mayfly_client._results_synth import StoredAudio


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessedAudio:
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

    @property
    def name(self) -> str:
        """Storage's name of the result."""
        return self.audio.name

    @property
    def object_key(self) -> str:
        """Key of the object, its final one: what other systems call `s3_key`."""
        return self.audio.object_key

    @property
    def url(self) -> str:
        """Signed link to the result. A secret until `audio.url_expire_time`."""
        return self.audio.url

    @property
    def duration(self) -> timedelta:
        """Length of the result."""
        return self.audio.duration

    @property
    def expire_time(self) -> datetime | None:
        """When the result stops being readable."""
        return self.audio.expire_time
