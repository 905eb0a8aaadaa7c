from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from mayfly.synth.v1 import error_reason_pb2

from mayfly_runtime.errors import status_of
from mayfly_runtime.testing import decode_status
from mayfly_synth.domain import errors, processing_errors
from mayfly_synth.transport.errors import DOMAIN, ERROR_TABLE

EXAMPLES: list[errors.SynthError] = [
    errors.TextEmptyError(),
    errors.TextTooLongError(characters=2, max_characters=1),
    errors.TextUnspeakableError(position=3, why="of this."),
    errors.SsmlError("it is wrong", line=1, element="audio", allowed=["speak"]),
    errors.PhonemesUnknownError(voice="v", phonemes=["q"]),
    errors.VoiceUnknownError("v", near=["w"]),
    errors.SpeakerUnknownError(voice="v", speaker="s", allowed=["t"]),
    errors.LanguageError("de", allowed=["en"]),
    errors.FormatUnknownError("OPUS", allowed=["wav"]),
    errors.AudioTooLargeError(size_bytes=2, max_size_bytes=1),
    errors.TooManySegmentsError(segments=2, max_segments=1),
    errors.EncoderFailedError(),
    errors.SpeechBusyError(max_queued_characters=1, retry_after=timedelta(seconds=1)),
    errors.StorageRefusedError("no", storage_reason="COLLECTION_UNKNOWN"),
    errors.StorageUnavailableError(retry_after=timedelta(seconds=1)),
    errors.QuotaExceededError("no", quota="q", limit="1", used="1", reset_time="t", retry_after=None),
    errors.RequestIdReusedError(UUID(int=1)),
]


def copied(error: processing_errors.ProcessingError) -> processing_errors.ProcessingError:
    """The error as it is where copies for diagnosis are kept."""
    error.debug_input, error.debug_output = "audio/2025-12-08/a", "audio/2025-12-08/b"
    return error


EXAMPLES += [
    copied(processing_errors.AudioUnreadableError("it is an image.")),
    copied(processing_errors.InputTooLargeError(size_bytes=2, max_size_bytes=1)),
    copied(processing_errors.ResultTooLargeError(max_size_bytes=1)),
    copied(processing_errors.InputTooLongError(max_duration=timedelta(hours=1))),
    copied(processing_errors.NothingLeftError()),
    copied(processing_errors.StreamBrokenError("it ended.")),
    processing_errors.SourceNotFoundError("audio/2025-12-08/a"),
    processing_errors.TranscriberMissingError(),
    copied(processing_errors.TranscriberFailedError("it answered 500.", retry_after=timedelta(seconds=1))),
    processing_errors.ProcessingBusyError(limit=1, retry_after=timedelta(seconds=1)),
    copied(processing_errors.ScratchFullError(needed_bytes=1, retry_after=timedelta(seconds=1))),
    copied(processing_errors.ScratchForbiddenError()),
]


def leaves(error: type[Exception]) -> set[type[Exception]]:
    below = error.__subclasses__()
    return {leaf for child in below for leaf in leaves(child)} if below else {error}


def test_the_table_has_every_error_and_no_other() -> None:
    assert set(ERROR_TABLE) == leaves(errors.SynthError)


def test_there_is_an_example_of_every_error() -> None:
    assert {type(example) for example in EXAMPLES} == set(ERROR_TABLE)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_every_error_becomes_a_status_with_a_reason_of_the_contract(error: errors.SynthError) -> None:
    mapped = ERROR_TABLE[type(error)]

    status = status_of(error, domain=DOMAIN, table=ERROR_TABLE)

    told = decode_status(status, code=mapped.code, message=status.message)
    assert f"ERROR_REASON_{told.reason}" in error_reason_pb2.ErrorReason.keys()  # noqa: SIM118 - no dict
    assert told.domain == "synth.mayfly"
    assert told.message == str(error)
    assert len(told.message) > 1
    assert set(told.metadata) == set(mapped.metadata)


def test_a_name_from_outside_is_cut_and_printable_in_a_message() -> None:
    error = errors.VoiceUnknownError("x\n\x1b[31m" + "y" * 10_000, near=[])

    assert "\n" not in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 300
