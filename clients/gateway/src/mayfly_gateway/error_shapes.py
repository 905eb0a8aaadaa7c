"""What refusals look like, for the OpenAPI document; `errors.py` and `openai_errors.py` make them."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field


class WrongField(BaseModel):
    """A field that is missing or wrong."""

    field: str
    description: str


class Refusal(BaseModel):
    """Why, and what to do about it."""

    reason: str = Field(description="Stable, for programs: docs/errors.md lists those of the services.")
    message: str = Field(description="A sentence for people.")
    remedy: str = Field(description="What to do; empty if the message says it.")
    metadata: dict[str, str] | None = Field(default=None, description="The variable parts of the message.")
    violations: list[WrongField] | None = None
    retry_after: int | None = Field(default=None, description="Whole seconds, as in `Retry-After`.")


class ErrorAnswer(BaseModel):
    """A refusal."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "error": {
                        "reason": "QUOTA_EXCEEDED",
                        "message": "60 of 60 requests_per_minute are used.",
                        "remedy": "",
                        "metadata": {"quota": "requests_per_minute", "limit": "60", "used": "60"},
                        "retry_after": 42,
                    }
                }
            ]
        }
    )

    error: Refusal


class OpenAIRefusal(BaseModel):
    """Why, in OpenAI's words."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAIErrorAnswer(BaseModel):
    """A refusal, as OpenAI's SDKs read it."""

    error: OpenAIRefusal


def refusals_of(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """What every door of a kind may answer instead."""
    told = {"model": model}
    return {
        422: {**told, "description": "A field is missing or wrong."},
        "4XX": {**told, "description": "Refused: `reason` says why."},
        "5XX": {**told, "description": "A service is busy or does not answer: come again."},
    }


REFUSALS: Final = refusals_of(ErrorAnswer)
OPENAI_REFUSALS: Final = refusals_of(OpenAIErrorAnswer)
