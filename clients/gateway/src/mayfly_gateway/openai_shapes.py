"""OpenAI's speech API, as its SDKs and other tools speak it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

OpenAIFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "mayfly")
"""Any of them speaks with the same voices; tools insist on one that they know."""


class VoiceId(BaseModel):
    """A voice, as newer SDKs may name it."""

    id: Annotated[str, Field(min_length=1, max_length=200)]


def _bare(voice: object) -> object:
    """The voice's name, however it came."""
    return voice.get("id") if isinstance(voice, dict) else voice


class SpeechRequest(BaseModel):
    """What to say."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "tts-1", "input": "Hello there.", "voice": "alloy"}]}
    )

    model: Annotated[str, Field(min_length=1, max_length=200, description="Any; see `/v1/models`.")]
    input: Annotated[str, Field(min_length=1, max_length=4_096, description="What to say.")]
    voice: Annotated[
        str,
        BeforeValidator(_bare, json_schema_input_type=str | VoiceId),
        Field(min_length=1, max_length=200, description="One of OpenAI's names, or of `/v1/audio/voices`."),
    ]
    instructions: Annotated[str | None, Field(description="Taken, and without effect.")] = None
    response_format: OpenAIFormat = "mp3"
    speed: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"


class Model(BaseModel):
    """One model."""

    id: str
    object: Literal["model"] = "model"
    created: int = 1_763_683_200
    owned_by: str = "mayfly"


class Models(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[Model]


class Named(BaseModel):
    """A voice or a model, as menus show it."""

    id: str
    name: str


class AudioVoices(BaseModel):
    """Voices that may be asked for."""

    voices: list[Named]


class AudioModels(BaseModel):
    """Models that may be asked for."""

    models: list[Named]


class Transcription(BaseModel):
    """What was said."""

    text: str


class VerboseTranscription(Transcription):
    """The same, as `verbose_json` has it: when each word is said is not known, nor in which language."""

    task: Literal["transcribe"] = "transcribe"
    language: Literal["und"] = Field(default="und", description="ISO 639's word for a language that is not known.")
    duration: float = Field(description="Seconds.")
    segments: list[str] = Field(default=[], max_length=0)
