"""What each domain error looks like to a caller: one row for each, and the only place that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpc import StatusCode

from mayfly_runtime.errors import Mapped
from mayfly_synth.domain import errors

if TYPE_CHECKING:
    from mayfly_runtime.errors import ErrorTable

DOMAIN: Final = "synth.mayfly"

ERROR_TABLE: Final[ErrorTable] = {
    errors.TextEmptyError: Mapped(StatusCode.INVALID_ARGUMENT, "TEXT_EMPTY", ("field",), field="text"),
    errors.TextTooLongError: Mapped(
        StatusCode.INVALID_ARGUMENT, "TEXT_TOO_LONG", ("characters", "max_characters"), field="text"
    ),
    errors.TextUnspeakableError: Mapped(
        StatusCode.INVALID_ARGUMENT, "TEXT_UNSPEAKABLE", ("field", "position"), field="text"
    ),
    errors.SsmlError: Mapped(StatusCode.INVALID_ARGUMENT, "SSML_INVALID", ("element", "allowed", "line"), field="text"),
    errors.PhonemesUnknownError: Mapped(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field="options.pronunciations"),
    errors.VoiceUnknownError: Mapped(StatusCode.NOT_FOUND, "VOICE_UNKNOWN", ("voice", "near")),
    errors.SpeakerUnknownError: Mapped(StatusCode.NOT_FOUND, "SPEAKER_UNKNOWN", ("voice", "speaker", "allowed")),
    errors.LanguageError: Mapped(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field="options.language_code"),
    errors.FormatUnknownError: Mapped(
        StatusCode.INVALID_ARGUMENT, "FORMAT_UNKNOWN", ("format", "allowed"), field_from="field"
    ),
    errors.AudioTooLargeError: Mapped(
        StatusCode.INVALID_ARGUMENT, "AUDIO_TOO_LARGE", ("size_bytes", "max_size_bytes"), field="text"
    ),
    errors.TooManySegmentsError: Mapped(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field="file_per_segment"),
    errors.EncoderFailedError: Mapped(StatusCode.INTERNAL, "ENCODER_FAILED"),
    errors.SpeechBusyError: Mapped(StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY"),
    errors.StorageRefusedError: Mapped(StatusCode.FAILED_PRECONDITION, "STORAGE_REFUSED", ("storage_reason",)),
    errors.StorageUnavailableError: Mapped(StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE"),
    errors.QuotaExceededError: Mapped(
        StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", ("quota", "limit", "used", "reset_time")
    ),
    errors.RequestIdReusedError: Mapped(StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED", ("request_id",)),
}
