"""System C's words: recordings, what was measured of them, and whether they can be played."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mayfly_gateway.page_shapes import UploadOrder

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class Recording(BaseModel):
    """A stored recording."""

    recording_id: str
    user_id: str
    file_path: str = Field(description="The object's key: what the record of it keeps.")
    size_bytes: int
    duration: float | None = Field(description="Seconds; null if nobody measured it.")
    audio_url: str = Field(description="Signed.")
    url_expires_at: str
    link: str = Field(description="Stable, at this gateway.")


class Unavailable(BaseModel):
    """There is nothing to play, which is a normal answer: older records have no audio, and audio may be deleted."""

    recording_id: str
    available: Literal[False] = False
    message: str = "There is no audio for this recording."


class Available(Recording):
    """It can be played."""

    available: Literal[True] = True


class RecordingUpload(UploadOrder):
    """A recording that will be uploaded straight to the store."""

    user_id: Identifier
    recording_id: Identifier | None = None


class Analysis(BaseModel):
    """How it was said."""

    duration: float = Field(description="Seconds.")
    loudness_lufs: float | None = Field(description="Integrated loudness (EBU R 128); null for silence.")
    silence_seconds: float
    silence_ratio: float
    pauses: int = Field(description="Of a quarter of a second or more, within the speech.")
    longest_pause_seconds: float
    syllables_per_second: float = Field(description="While there is speech. An estimate from the sound alone.")
    words_per_minute: int | None = Field(description="Of the transcript, where there is one.")
    transcript: str | None


class Analyzed(BaseModel):
    """A recording that was measured and stored: both, or neither."""

    recording: Recording
    analysis: Analysis


class Deleted(BaseModel):
    """What became of a recording."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"recording_id": "r1", "deleted": True}]})

    recording_id: str
    deleted: bool = Field(description="False if it was gone already. Either way nobody can play it any more.")
