"""What each domain error looks like to a caller: one row for each, and the only place that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpc import StatusCode

from mayfly_runtime.errors import Mapped
from mayfly_synth.domain import errors, processing_errors

if TYPE_CHECKING:
    from mayfly_runtime.errors import ErrorTable

DOMAIN: Final = "synth.mayfly"

# Storage's names of the copies for diagnosis; None where there are none.
_COPIES: Final = ("debug_input", "debug_output")

ERROR_TABLE: Final[ErrorTable] = {
    errors.TextEmptyError: Mapped(StatusCode.INVALID_ARGUMENT, "TEXT_EMPTY", ("field",), field="text"),
    errors.TextTooLongError: Mapped(
        StatusCode.INVALID_ARGUMENT, "TEXT_TOO_LONG", ("characters", "max_characters"), field="text"
    ),
    errors.TextUnspeakableError: Mapped(
        StatusCode.INVALID_ARGUMENT, "TEXT_UNSPEAKABLE", ("field", "position"), field="text"
    ),
    errors.SsmlError: Mapped(StatusCode.INVALID_ARGUMENT, "SSML_INVALID", ("element", "allowed", "line"), field="text"),
    errors.PhonemesUnknownError: Mapped(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field_from="field"),
    errors.VoiceUnknownError: Mapped(StatusCode.NOT_FOUND, "VOICE_UNKNOWN", ("voice", "near")),
    errors.SpeakerUnknownError: Mapped(StatusCode.NOT_FOUND, "SPEAKER_UNKNOWN", ("voice", "speaker", "allowed")),
    errors.LanguageError: Mapped(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field_from="field"),
    errors.FormatUnknownError: Mapped(
        StatusCode.INVALID_ARGUMENT, "FORMAT_UNKNOWN", ("format", "allowed"), field_from="field"
    ),
    errors.AudioTooLargeError: Mapped(
        StatusCode.INVALID_ARGUMENT, "AUDIO_TOO_LARGE", ("size_bytes", "max_size_bytes"), field="text"
    ),
    errors.TooManySegmentsError: Mapped(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field="file_per_segment"),
    errors.EncoderFailedError: Mapped(StatusCode.INTERNAL, "ENCODER_FAILED"),
    processing_errors.AudioUnreadableError: Mapped(
        StatusCode.INVALID_ARGUMENT, "AUDIO_UNREADABLE", ("allowed", *_COPIES), field_from="field"
    ),
    processing_errors.InputTooLargeError: Mapped(
        StatusCode.INVALID_ARGUMENT, "AUDIO_TOO_LARGE", ("size_bytes", "max_size_bytes", *_COPIES), field_from="field"
    ),
    processing_errors.ResultTooLargeError: Mapped(
        StatusCode.INVALID_ARGUMENT, "AUDIO_TOO_LARGE", ("max_size_bytes", *_COPIES), field="config"
    ),
    processing_errors.InputTooLongError: Mapped(
        StatusCode.INVALID_ARGUMENT, "AUDIO_TOO_LARGE", ("max_seconds", *_COPIES), field_from="field"
    ),
    processing_errors.NothingLeftError: Mapped(StatusCode.INVALID_ARGUMENT, "AUDIO_SILENT", _COPIES, field="config"),
    processing_errors.StreamBrokenError: Mapped(
        StatusCode.INVALID_ARGUMENT, "INPUT_INCOMPLETE", _COPIES, field_from="field"
    ),
    processing_errors.SourceNotFoundError: Mapped(StatusCode.NOT_FOUND, "AUDIO_NOT_FOUND", ("name",)),
    processing_errors.TranscriberMissingError: Mapped(
        StatusCode.FAILED_PRECONDITION, "TRANSCRIBER_MISSING", ("setting",)
    ),
    processing_errors.TranscriberFailedError: Mapped(StatusCode.UNAVAILABLE, "TRANSCRIBER_FAILED", _COPIES),
    processing_errors.ProcessingBusyError: Mapped(StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY", ("resource", "limit")),
    processing_errors.ScratchFullError: Mapped(
        StatusCode.RESOURCE_EXHAUSTED, "SCRATCH_FULL", ("needed_bytes", *_COPIES)
    ),
    processing_errors.ScratchForbiddenError: Mapped(
        StatusCode.FAILED_PRECONDITION, "SCRATCH_FORBIDDEN", ("setting", *_COPIES)
    ),
    errors.SpeechBusyError: Mapped(StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY"),
    errors.StorageRefusedError: Mapped(StatusCode.FAILED_PRECONDITION, "STORAGE_REFUSED", ("storage_reason",)),
    errors.StorageUnavailableError: Mapped(StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE"),
    errors.QuotaExceededError: Mapped(
        StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", ("quota", "limit", "used", "reset_time")
    ),
    errors.RequestIdReusedError: Mapped(StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED", ("request_id",)),
}
