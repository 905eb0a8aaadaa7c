"""System B's words: segments of one synthesis, epoch seconds, and what lies where."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class SimpleOrder(BaseModel):
    """What to say; all else as usual."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Hello there. How are you?"}]})

    text: Annotated[str, Field(min_length=1)]


class SessionOrder(SimpleOrder):
    """What to say, and how to keep it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "text": "Hello there. How are you?",
                    "voice": "af_heart",
                    "language_code": "a",
                    "use_s3": True,
                    "presigned_url_expiry": 7200,
                }
            ]
        }
    )

    voice: Annotated[
        str, Field(max_length=200, description="A voice's name, or one of MAYFLY_GATEWAY_SESSION_VOICES.")
    ] = "af_heart"
    language_code: Annotated[str, Field(max_length=20, description="`a` for American English, or `en_US`.")] = "a"
    use_s3: Annotated[
        bool | None,
        Field(description="False: no presigned links. Where the bytes lie is storage's to say; see `storage_type`."),
    ] = None
    presigned_url_expiry: Annotated[
        int | None, Field(ge=1, le=604_800, description="Seconds. Cut to what is true. Default: the collection's.")
    ] = None


class SegmentShape(BaseModel):
    """One sentence and its file."""

    index: int
    graphemes: str
    phonemes: str
    filename: str
    local_url: str = Field(description="At this gateway; it plays until the audio ends.")
    presigned_url: str | None
    s3_key: str | None = Field(description="Null where the bytes lie in storage's own files.")
    expires_at: int | None = Field(description="End of the presigned link. Unit: epoch seconds.")


class SessionSpeech(BaseModel):
    """What was said in this session."""

    message: str
    audio_files: list[str]
    audio_segments: list[SegmentShape]
    total_segments: int
    language_code: str
    voice: str
    processing_time: float = Field(description="Seconds.")
    storage_type: Literal["s3", "local"]
    session_id: str
    expires_at: int | None = Field(description="When the first of the links ends. Unit: epoch seconds.")
    first_audio_url: str


class S3Info(BaseModel):
    """Where audio is kept. Nothing of it is secret."""

    s3_enabled: bool
    bucket_name: str
    region: str
    presigned_url_expiry: int
    fallback_active: bool


class CleanupOrder(BaseModel):
    """What to remove."""

    days_old: Annotated[int, Field(ge=0, le=3_650)] = 7
    cleanup_s3: bool = False


class CleanupDone(BaseModel):
    """What was removed."""

    message: str
    local_files_cleaned: int
    s3_files_cleaned: int
