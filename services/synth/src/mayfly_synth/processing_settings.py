"""Settings of processing: what one call may cost, where temporary files lie, who transcribes."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from mayfly_runtime.settings import Duration, ServerSettings
from mayfly_synth.domain.processing import ProcessingLimits


class ProcessingSettings(ServerSettings):
    """What `ProcessAudio` needs."""

    processing_workers: int = Field(default=0, ge=0)
    """Audio that is processed at a time, each by a program of its own. 0: as many as there are cores."""

    processing_queue: int = Field(default=16, ge=0)
    """Audio that may wait for that; callers after it hear SERVER_BUSY at once."""

    max_input_bytes: int = Field(default=50 * 1024 * 1024, ge=1024)
    """Largest audio that is taken for processing."""

    max_input_duration: Duration = Field(default=timedelta(hours=3), ge=timedelta(seconds=1), le=timedelta(days=1))
    """Longest audio that is taken for processing. What unpacks into far more than its size is refused before."""

    ffmpeg_memory_bytes: int = Field(default=1024 * 1024 * 1024, ge=256 * 1024 * 1024)
    """Address space of one run of ffmpeg. A static build needs 300 MB to begin at all, of which it uses a tenth."""

    ffmpeg_cpu: Duration = Field(default=timedelta(minutes=2), ge=timedelta(seconds=1))
    """Processor time of one run of ffmpeg over an input. MP3 is made some 300 times faster than it plays."""

    scratch_dir: Path = Path("/tmp")  # noqa: S108 - a private folder is made in it, and files in that have no names
    """Folder for temporary files, which some audio needs: what has its index at its end, or is heard twice
    (loudness; trimming of AAC, Opus and FLAC). In a container, a volume in memory (`emptyDir: {medium: Memory}`)."""

    scratch_fallback_dir: Path | None = Path("/var/tmp")  # noqa: S108 - as above
    """Second folder, for when the first one is full or may not be written to. Empty: none."""

    debug_copies: Literal["off", "errors", "all"] = "off"
    """Whether copies of inputs and outputs go to the collection `debug`: never, of what fails, or always. They are what
    people said; the collection's lifetime is their life, and a pseudonym stands for whose they are."""

    pseudonym_key: SecretStr | None = None
    """Secret behind the pseudonyms in logs and copies; the same for all replicas. Default: a new one at each start."""

    transcriber: Literal["none", "openai", "pocketsphinx"] = "none"
    """Who transcribes: nobody; a server that speaks OpenAI's API, to which the audio goes then; or PocketSphinx on this
    machine, which hears English that is spoken clearly (the extra `pocketsphinx`)."""

    transcriber_url: str = ""
    """Address of the server that transcribes, without `/v1`, e.g. `http://whisper:8000`."""

    transcriber_model: str = "whisper-1"
    """Its name for the model."""

    transcriber_key: SecretStr | None = None
    """Its API key, sent as a bearer token; over plain HTTP to loopback addresses only."""

    @model_validator(mode="after")
    def _the_transcriber_can_be_reached(self) -> Self:
        if self.transcriber == "openai" and not _is_address(self.transcriber_url):
            raise ValueError(
                "transcriber=openai needs transcriber_url, an http:// or https:// address without user, password or "
                "query; transcriber_key is for what is secret"
            )
        plain = self.transcriber_url.startswith("http://")
        if self.transcriber_key is not None and plain and not _is_loopback(self.transcriber_url):
            raise ValueError("transcriber_key is sent over plain HTTP to loopback addresses only; use https://")
        return self

    def processing_limits(self, *, max_audio_bytes: int) -> ProcessingLimits:
        """How much one call may send, and how much may come of it."""
        return ProcessingLimits(
            max_input_bytes=self.max_input_bytes,
            max_output_bytes=max_audio_bytes,
            max_duration=self.max_input_duration,
        )

    def scratch_parents(self) -> list[Path]:
        """The folders for temporary files, the first one first."""
        return [folder for folder in (self.scratch_dir, self.scratch_fallback_dir) if folder is not None]


def _is_address(url: str) -> bool:
    """Whether it says where a server is, and nothing else: it is printed at the start, and a path is put behind it."""
    try:
        parts = urlsplit(url)
        # Port 0 is none to call; looking at one that is no number raises.
        where = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return where and "@" not in parts.netloc and not parts.query and not parts.fragment


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
