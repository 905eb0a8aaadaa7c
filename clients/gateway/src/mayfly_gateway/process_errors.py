"""System D's categories of errors, and links to the copies that were kept of what failed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mayfly_client import MayflyError, SignedUrl
from mayfly_gateway.errors import GatewayError, Problem, problem_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mayfly_client import AsyncClient

_CATEGORIES: Final[Mapping[str, str]] = {
    "AUDIO_UNREADABLE": "invalid_input",
    "AUDIO_TOO_LARGE": "too_large",
    "INVALID_REQUEST": "invalid_input",
    "INPUT_INCOMPLETE": "invalid_input",
    "AUDIO_SILENT": "invalid_input",
    "FORMAT_UNKNOWN": "invalid_input",
    "CONTENT_TYPE_NOT_ALLOWED": "invalid_input",
    "ENCODER_FAILED": "processing_error",
    "TRANSCRIBER_MISSING": "transcription_error",
    "TRANSCRIBER_FAILED": "transcription_error",
    "STORAGE_UNAVAILABLE": "storage_error",
    "STORAGE_REFUSED": "storage_error",
    "STORAGE_FULL": "storage_error",
    "SCRATCH_FULL": "storage_error",
    "SCRATCH_FORBIDDEN": "storage_error",
    "SERVER_BUSY": "busy",
    "QUOTA_EXCEEDED": "quota",
    "DEADLINE_EXCEEDED": "timeout",
    "DEADLINE_TOO_SHORT": "timeout",
    "NO_ANSWER": "busy",
    "UNAVAILABLE": "busy",
}
_COPIES: Final = ("debug_input", "debug_output")
_FIELDS: Final[Mapping[str, str]] = {
    "chunk": "file",
    "start_offset": "start",
    "end_offset": "end",
    "sample_rate_hertz": "sample_rate",
    "bit_rate_bps": "bit_rate",
}
"""What synth calls otherwise than the form."""


async def as_process_error(mayfly: AsyncClient, error: MayflyError) -> GatewayError:
    """The refusal, with its category, the form's fields, and links in place of the copies' names."""
    problem = _in_the_forms_words(problem_of(error))
    metadata = {name: value for name, value in problem.metadata.items() if name not in _COPIES}
    metadata["error_type"] = _CATEGORIES.get(problem.reason, "processing_error")
    for kind in _COPIES:
        if name := error.metadata.get(kind):
            metadata.update(await _link(mayfly, kind, name))
    return GatewayError.of(replace(problem, metadata=metadata))


def _in_the_forms_words(problem: Problem) -> Problem:
    named = [(field.removeprefix("config."), wrong) for field, wrong in problem.violations]
    violations = tuple((_FIELDS.get(field, field), wrong) for field, wrong in named)
    if problem.reason != "INVALID_REQUEST" or not violations:
        return replace(problem, violations=violations)
    message = "; ".join(f"{field}: {wrong}" for field, wrong in violations)
    return replace(problem, message=f"The request is wrong: {message}.", violations=violations)


async def _link(mayfly: AsyncClient, kind: str, name: str) -> dict[str, str]:
    try:
        signed = (await mayfly.sign([name]))[0]
    except MayflyError:  # a failure to link must not hide the failure itself
        return {}
    return {f"{kind}_url": signed.url} if isinstance(signed, SignedUrl) else {}
