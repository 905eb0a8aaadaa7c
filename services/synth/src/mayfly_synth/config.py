"""Settings of synth: `MAYFLY_SYNTH_...`. The only module that reads the environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from mayfly_client.channel import Tls
from mayfly_runtime.settings import Duration
from mayfly_synth.cores import available_cores
from mayfly_synth.domain.limits import SpeechLimits
from mayfly_synth.processing_settings import ProcessingSettings


class SynthSettings(ProcessingSettings):
    """Everything that can be set, with a default that works on one machine."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix="MAYFLY_SYNTH_")

    listen: str = "127.0.0.1:50061"
    """Address of the gRPC server. Other than loopback addresses need a callers file."""

    storage_target: str = "127.0.0.1:50051"
    """Where storage's StorageService is. `dns:///name:port` balances over its replicas."""

    storage_token: SecretStr | None = None
    """Bearer token with which synth shows storage who it is. Needs TLS, or a loopback address."""

    storage_tls: bool = False
    """Whether storage is called over TLS."""

    storage_tls_ca: Path | None = None
    """PEM file of the authorities that sign storage's certificate. Default: the well-known ones."""

    storage_tls_cert: Path | None = None
    """PEM file of synth's client certificate, where storage knows callers by certificate (mTLS)."""

    storage_tls_key: Path | None = None
    """PEM file of the key of that certificate."""

    storage_timeout: Duration = Field(default=timedelta(seconds=30), ge=timedelta(seconds=1))
    """Longest single call of storage. A call never outlives the RPC that makes it, whatever this says."""

    collection: str = "temp-audio"
    """Collection of speech whose caller names none."""

    voices_dir: Path = Path("voices")
    """Folder of Piper voices: `NAME.onnx` with `NAME.onnx.json`. All of them are loaded and tried at the start."""

    voice_memory_bytes: int = Field(default=0, ge=0)
    """Most bytes of voices (as large as their model files) that stay in memory. A voice beyond is loaded when somebody
    asks for it, which takes a second; the one that was not used for longest goes. 0: all stay."""

    pinned_voices: str = ""
    """Names of voices that always stay in memory, with commas between them. The default voice does anyway."""

    default_voice: str = ""
    """Voice of requests that name none. Empty: `en_US-mayfly-low` if it is there, else the first by name."""

    ffmpeg: Path | None = None
    """The ffmpeg program. Default: the one on the PATH, else the one that comes with imageio-ffmpeg."""

    workers: int = Field(default=0, ge=0)
    """Sentences that are spoken at a time, each by one thread. 0: one for each core; more make everyone slower."""

    lone_threads: int = Field(default=0, ge=0)
    """Threads for the first sentence of a lone caller, for voices that are faster so. Voices are tried at the start,
    and take twice the memory then. 0: one for each core. 1: never."""

    pin_workers: bool = True
    """Where there are as many workers as processors, each worker keeps to its own; elsewhere this does nothing. Turn it
    off where several synths share the processors of one machine."""

    max_queued_characters: int = Field(default=50_000, ge=1)
    """Characters that are spoken or wait to be, over all calls; beyond, callers hear SERVER_BUSY at once. A small voice
    speaks about 3,000 in a second on one core, a large one 100: the bound is the longest that anybody waits."""

    busy_retry_after: Duration = Field(default=timedelta(seconds=1), gt=timedelta(0))
    """When callers who hear SERVER_BUSY are told to come back."""

    max_characters: int = Field(default=5_000, ge=1)
    """Characters of a text, or of one message of a stream."""

    max_stream_characters: int = Field(default=100_000, ge=1)
    """Characters of all messages of a stream."""

    max_sentence_characters: int = Field(default=400, ge=20)
    """Longer sentences are cut at a clause or a space. The memory of an inference grows with the square of it."""

    max_audio_bytes: int = Field(default=50 * 1024 * 1024, ge=1024)
    """Largest file that is kept, which is held in memory until it is. At most what storage takes with one PUT."""

    max_segment_files: int = Field(default=200, ge=1)
    """Files of a call that has one for each segment; they are put to storage eight at a time."""

    sentence_silence: Duration = Field(default=timedelta(milliseconds=200), ge=timedelta(0), le=timedelta(seconds=10))
    """Silence after each sentence where a request asks for none. Up to 10 s."""

    retry_memory_bytes: int = Field(default=64 * 1024 * 1024, ge=0)
    """Finished speech that is remembered, so that a retry with the same request_id gets the same audio. 0: none; a
    retry of speech with noise is then refused with REQUEST_ID_REUSED."""

    retry_memory_lifetime: Duration = Field(default=timedelta(minutes=10), gt=timedelta(0))
    """How long finished speech is remembered at most. It is what guests said: keep it short."""

    rendered_cache_bytes: int = Field(default=32 * 1024 * 1024, ge=0)
    """Sound of sentences that is remembered for whoever asks for the same one. Callers can tell by the time it takes
    whether somebody did before. 0: none."""

    rendered_cache_lifetime: Duration = Field(default=timedelta(minutes=15), gt=timedelta(0), le=timedelta(hours=1))
    """How long the sound of a sentence is remembered at most. Up to 1 h."""

    @model_validator(mode="after")
    def _texts_fit_the_queue(self) -> Self:
        if self.max_queued_characters < self.max_characters:
            raise ValueError("max_queued_characters must be at least max_characters, or long texts are never spoken")
        return self

    @model_validator(mode="after")
    def _storage_tls_is_complete(self) -> Self:
        if (self.storage_tls_cert is None) != (self.storage_tls_key is None):
            raise ValueError("storage_tls_cert and storage_tls_key belong together: give both, or neither")
        if not self.storage_tls and (self.storage_tls_ca or self.storage_tls_cert):
            raise ValueError("storage_tls_ca and storage_tls_cert need MAYFLY_SYNTH_STORAGE_TLS=true")
        return self

    def tls_to_storage(self) -> Tls | None:
        """How storage is trusted; None for plaintext."""
        if not self.storage_tls:
            return None
        return Tls(ca_file=self.storage_tls_ca, cert_file=self.storage_tls_cert, key_file=self.storage_tls_key)

    def worker_count(self) -> int:
        """Sentences that are spoken at a time."""
        return self.workers or available_cores()

    def processing_worker_count(self) -> int:
        """Audio that is processed at a time."""
        return self.processing_workers or available_cores()

    def lone_thread_count(self) -> int:
        """Threads for a lone caller."""
        return self.lone_threads or available_cores()

    def limits(self) -> SpeechLimits:
        """How much one call may ask for."""
        return SpeechLimits(
            max_characters=self.max_characters,
            max_stream_characters=self.max_stream_characters,
            max_sentence_characters=self.max_sentence_characters,
            max_audio_bytes=self.max_audio_bytes,
            max_segment_files=self.max_segment_files,
            sentence_silence=self.sentence_silence,
        )
