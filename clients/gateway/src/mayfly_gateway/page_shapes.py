"""What the page and its gateway say to each other."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mayfly_gateway.formats import FormatName


class VoiceShape(BaseModel):
    """A voice that can speak."""

    name: str
    language_code: str
    language: str
    sample_rate: int = Field(validation_alias="sample_rate_hertz")
    speakers: list[str]
    is_default: bool


class Limits(BaseModel):
    """What the page can say before the gateway has to."""

    max_characters: int
    max_upload_bytes: int


class Voices(BaseModel):
    """What the page can choose from."""

    voices: list[VoiceShape]
    formats: list[str]
    limits: Limits


class SpeechOrder(BaseModel):
    """What to say."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "Hello. This will be gone tomorrow.", "format": "wav", "speed": 1.0}]},
    )

    text: Annotated[str, Field(min_length=1, description="What to say.")]
    voice: Annotated[str | None, Field(max_length=200, description="Name of a voice. Default: the default one.")] = None
    speaker: Annotated[str | None, Field(max_length=200, description="Of a voice with several.")] = None
    format: Annotated[FormatName, Field(description="How it is stored.")] = "wav"
    speed: Annotated[float, Field(ge=0.25, le=4.0, description="1 is the voice's own.")] = 1.0


class WordShape(BaseModel):
    """A word and when it is heard, in seconds from the start."""

    text: str
    start: float
    end: float


class AudioShape(BaseModel):
    """One audio of this guest."""

    token: str
    link: str = Field(description="Where it plays, until it ends: `/a/{token}`.")
    kind: Literal["speech", "recording"]
    duration: float | None = Field(description="Seconds; null if nobody measured it.")
    create_time: str = Field(description="RFC 3339, UTC.")
    expire_time: str | None = Field(description="RFC 3339, UTC. Null: kept until it is deleted.")
    size_bytes: int
    format: str
    voice: str
    text: str = Field(description="What was said; empty where it is not kept.")
    file_name: str = Field(description="That of an uploaded file; empty for speech.")
    peaks: list[float] = Field(description="The waveform, 0 to 1; empty where it is not known.")
    words: list[WordShape] = Field(description="Empty where they are not known (any more).")


class History(BaseModel):
    """This guest's audio, newest first."""

    audios: list[AudioShape]


class Forgotten(BaseModel):
    """What was deleted of this guest."""

    deleted: int
    remaining: int = Field(description="What could not be deleted yet; 0 as a rule.")


class DeletionReceipt(BaseModel):
    """What a sweep's certificate says of a deleted audio."""

    outcome: str
    verified: bool = Field(description="Whether the store itself said that it is gone.")
    certificate: int = Field(description="Number of the certificate.")
    certificate_sha256: str
    certificate_time: str | None


class Deletion(BaseModel):
    """What became of an audio."""

    deleted: bool = Field(description="False if it was gone already.")
    delete_time: str | None = Field(description="Null if it was gone already, and nobody here knows since when.")
    state: Literal["certified", "awaits_certificate"]
    receipt: DeletionReceipt | None
    message: str


class PlaybackReport(BaseModel):
    """What came of playing, as the page saw it."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["played", "broken"]


class Stored(BaseModel):
    """What was uploaded."""

    audio: AudioShape


class UploadOrder(BaseModel):
    """What will be uploaded straight to the store."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"file_name": "talk.m4a", "content_type": "audio/m4a", "size_bytes": 48000, "sha256": "9f86d081" * 8}
            ]
        },
    )

    file_name: Annotated[str, Field(max_length=200)] = ""
    content_type: Annotated[str, Field(max_length=100, description="MIME type. Default: by the file's name.")] = ""
    size_bytes: Annotated[int, Field(ge=1, le=2**40, description="Exact size.")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="In hexadecimal.")]


class PartShape(BaseModel):
    """One part of a large upload."""

    part_number: int
    url: str
    headers: dict[str, str]
    offset_bytes: int
    size_bytes: int


class Grant(BaseModel):
    """The right to put exactly the announced bytes, once, until it expires."""

    token: str = Field(description="For the commit, and for the stable link afterwards.")
    attempt: str = Field(description="For the commit.")
    method: str
    url: str = Field(description="Where to put them; empty where there are parts.")
    headers: dict[str, str] = Field(description="To be sent exactly as they are.")
    parts: list[PartShape]
    expire_time: str


class Commit(BaseModel):
    """The bytes are there."""

    model_config = ConfigDict(extra="forbid")

    attempt: Annotated[str, Field(min_length=1, max_length=4_096)]
    part_etags: Annotated[list[str], Field(max_length=10_000, description="Of each part, in order.")] = []
