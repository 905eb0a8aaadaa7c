from __future__ import annotations

from datetime import timedelta

import grpc
import pytest

from mayfly_runtime.errors import (
    INTERNAL_MESSAGE,
    MAX_MESSAGE_BYTES,
    MAX_STATUS_BYTES,
    ErrorTable,
    Mapped,
    NotImplementedYetError,
    ServerBusyError,
    reason_of,
    status_of,
)
from mayfly_runtime.offload import OffloadFullError
from mayfly_runtime.testing import RpcErrorDetails, decode_status
from mayfly_runtime.violations import InvalidRequestError, Violation


class AudioNotFoundError(Exception):
    def __init__(self, audio: str) -> None:
        super().__init__(f"There is no audio {audio}.")
        self.audio = audio


class VoiceError(Exception):
    voice = "v"
    near: str | None = None


class ExpiredAudioError(AudioNotFoundError):
    pass


class QuotaError(Exception):
    retry_after: timedelta | None = timedelta(seconds=90)
    limit = 10


TABLE: ErrorTable = {
    AudioNotFoundError: Mapped(grpc.StatusCode.NOT_FOUND, "AUDIO_NOT_FOUND", ("audio",)),
    VoiceError: Mapped(grpc.StatusCode.NOT_FOUND, "VOICE_UNKNOWN", ("voice", "near")),
    QuotaError: Mapped(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", ("limit",)),
    UnicodeError: Mapped(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field="text"),
}


def told(exc: Exception, table: ErrorTable = TABLE) -> RpcErrorDetails:
    status = status_of(exc, domain="test.mayfly", table=table)
    code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
    return decode_status(status, code=code, message=status.message)


def test_metadata_of_which_there_is_nothing_to_tell_is_left_out() -> None:
    assert told(VoiceError()).metadata == {"voice": "v"}


def test_a_mapped_exception_becomes_code_message_reason_and_metadata() -> None:
    assert told(AudioNotFoundError("audio/1")) == RpcErrorDetails(
        code=grpc.StatusCode.NOT_FOUND,
        message="There is no audio audio/1.",
        reason="AUDIO_NOT_FOUND",
        domain="test.mayfly",
        metadata={"audio": "audio/1"},
    )


def test_a_subclass_is_told_as_its_closest_mapped_ancestor() -> None:
    closer = {**TABLE, ExpiredAudioError: Mapped(grpc.StatusCode.NOT_FOUND, "AUDIO_EXPIRED")}

    assert told(ExpiredAudioError("x")).reason == "AUDIO_NOT_FOUND"
    assert told(ExpiredAudioError("x"), closer).reason == "AUDIO_EXPIRED"


def test_metadata_values_are_texts() -> None:
    assert told(QuotaError("no")).metadata == {"limit": "10"}


def test_retry_after_becomes_a_retry_info() -> None:
    assert told(QuotaError("no")).retry_after == timedelta(seconds=90)


def test_no_retry_info_where_retrying_does_not_help() -> None:
    hopeless = QuotaError("no")
    hopeless.retry_after = None

    assert told(hopeless).retry_after is None


def test_an_unknown_exception_becomes_internal_and_its_text_stays_here() -> None:
    details = told(RuntimeError("password=hunter2"))

    assert details == RpcErrorDetails(
        code=grpc.StatusCode.INTERNAL, message=INTERNAL_MESSAGE, reason="INTERNAL", domain="test.mayfly", metadata={}
    )


def test_an_unknown_exception_says_nothing_about_retrying() -> None:
    surprise = RuntimeError()
    surprise.retry_after = timedelta(seconds=1)  # type: ignore[attr-defined]

    assert told(surprise).retry_after is None


def test_an_invalid_request_names_every_field() -> None:
    details = told(InvalidRequestError(Violation("text", "is empty"), Violation("voice", "is unknown")))

    assert details.code is grpc.StatusCode.INVALID_ARGUMENT
    assert details.reason == "INVALID_REQUEST"
    assert details.violations == (Violation("text", "is empty"), Violation("voice", "is unknown"))


def test_a_mapped_field_is_blamed_with_the_message() -> None:
    assert told(UnicodeError("not NFC")).violations == (Violation("text", "not NFC"),)


class CollectionRuleError(Exception):
    field = "destination.collection"

    def __init__(self, description: str | None = None) -> None:
        super().__init__("The collection does not take this.")
        if description is not None:
            self.description = description


@pytest.mark.parametrize(
    ("description", "told_as"), [(None, "The collection does not take this."), ("takes WAV only", "takes WAV only")]
)
def test_the_exception_itself_may_name_the_field(description: str | None, told_as: str) -> None:
    table = {CollectionRuleError: Mapped(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field_from="field")}

    details = told(CollectionRuleError(description), table)

    assert details.violations == (Violation("destination.collection", told_as),)


@pytest.mark.parametrize(
    ("exc", "code", "reason"),
    [
        (NotImplementedYetError("ForgetSubject"), grpc.StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED"),
        (ServerBusyError("voices", limit=2), grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY"),
        (OffloadFullError("s3", limit=8), grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY"),
    ],
)
def test_every_service_tells_the_runtimes_own_errors_alike(exc: Exception, code: grpc.StatusCode, reason: str) -> None:
    details = told(exc, {})

    assert (details.code, details.reason) == (code, reason)


def test_a_busy_server_says_when_to_come_back() -> None:
    assert told(ServerBusyError("voices", limit=2), {}).retry_after == timedelta(seconds=1)


def test_a_service_may_tell_a_runtime_error_in_its_own_way() -> None:
    own = {NotImplementedYetError: Mapped(grpc.StatusCode.FAILED_PRECONDITION, "LATER")}

    assert told(NotImplementedYetError("x"), own).reason == "LATER"


def test_a_group_is_told_as_its_first_known_exception() -> None:
    group = ExceptionGroup("tasks", [RuntimeError("?"), ExceptionGroup("more", [AudioNotFoundError("audio/2")])])

    assert told(group).metadata == {"audio": "audio/2"}
    assert told(ExceptionGroup("tasks", [RuntimeError("?")])).reason == "INTERNAL"


def test_the_reason_alone_can_be_asked_for() -> None:
    assert reason_of(ExpiredAudioError("x"), TABLE) == "AUDIO_NOT_FOUND"


def test_a_long_message_is_cut_on_a_character() -> None:
    message = told(AudioNotFoundError("ü" * 5000)).message

    assert len(message.encode()) <= MAX_MESSAGE_BYTES
    assert message.endswith("ü…")


def test_many_violations_are_told_as_far_as_metadata_has_room() -> None:
    many = InvalidRequestError(*(Violation(f"items[{n}].text", "is much too long " * 20) for n in range(1000)))

    status = status_of(many, domain="test.mayfly", table={})

    assert 1 <= len(told(many).violations) < 1000
    assert status.ByteSize() <= MAX_STATUS_BYTES


def test_a_lone_surrogate_does_not_break_the_answer() -> None:
    assert told(AudioNotFoundError("a\ud800b")).metadata == {"audio": "a?b"}
