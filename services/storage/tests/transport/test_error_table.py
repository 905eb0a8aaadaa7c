"""Table, error tree and contract say the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from grpc import StatusCode
from mayfly.storage.v1 import error_reason_pb2

from mayfly_runtime.errors import status_of
from mayfly_runtime.testing import decode_status
from mayfly_storage.domain import errors
from mayfly_storage.testing.builders import DAWN
from mayfly_storage.transport.errors import DOMAIN, ERROR_TABLE, failure

PROTOS = Path(__file__).resolve().parents[4] / "protos"
INTERNAL = {
    errors.StorageError,
    errors.CopyDamagedError,
    errors.StateChangedError,
    errors.RequestSeenError,
    errors.QuotaRefusedError,
    errors.ReservationGoneError,
}
# Reasons that the runtime raises by itself, and the one of an item that is left alone.
NOT_OURS = {
    "UNSPECIFIED",
    "CALLER_UNAUTHENTICATED",
    "CALLER_FORBIDDEN",
    "DEADLINE_TOO_SHORT",
    "SERVER_BUSY",
    "NOT_IMPLEMENTED",
    "INTERNAL",
    "NOT_DUE",
}
SAMPLES: dict[type[Exception], Exception] = {
    errors.InvalidAudioError: errors.InvalidAudioError("audio.subject", "a user_id is needed"),
    errors.CollectionUnknownError: errors.CollectionUnknownError("x", ["temp-audio"], field="audio.collection"),
    errors.CollectionForbiddenError: errors.CollectionForbiddenError("recordings", "gateway"),
    errors.ContentTypeNotAllowedError: errors.ContentTypeNotAllowedError("image/png", "temp-audio", ["audio/wav"]),
    errors.AudioTooLargeError: errors.AudioTooLargeError(2, 1, "temp-audio"),
    errors.AudioNotFoundError: errors.AudioNotFoundError("audio/x"),
    errors.ObjectKeyTakenError: errors.ObjectKeyTakenError("users/u1"),
    errors.IdempotencyKeyReusedError: errors.IdempotencyKeyReusedError("id"),
    errors.RequestExpiredError: errors.RequestExpiredError("id"),
    errors.UploadIncompleteError: errors.UploadIncompleteError("audio/x"),
    errors.ContentMismatchError: errors.ContentMismatchError("sha256", expected="a", actual="b"),
    errors.AudioDamagedError: errors.AudioDamagedError("audio/x"),
    errors.UploadFencedError: errors.UploadFencedError("audio/x"),
    errors.LifetimeOverError: errors.LifetimeOverError("audio/x", DAWN),
    errors.PageTokenInvalidError: errors.PageTokenInvalidError(),
    errors.StorageFullError: errors.StorageFullError(),
    errors.QuotaExceededError: errors.QuotaExceededError(
        "requests_per_minute", limit=30, used=30, reset=DAWN, retry_after=timedelta(seconds=17)
    ),
    errors.BackendUnavailableError: errors.BackendUnavailableError("s3", retry_after=timedelta(seconds=3)),
    errors.BackendMisconfiguredError: errors.BackendMisconfiguredError("s3", "AccessDenied"),
    errors.ClockWrongError: errors.ClockWrongError(timedelta(minutes=5), timedelta(seconds=2)),
    errors.CertificateConflictError: errors.CertificateConflictError("9f86"),
}


def documented() -> dict[str, tuple[str, set[str]]]:
    """Code and metadata keys of each reason, as the contract's comments show them."""
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", "--include_source_info", "-o/dev/stdout"]
    made = subprocess.run(
        [*command, "mayfly/storage/v1/error_reason.proto"], check=True, capture_output=True, timeout=60
    )
    [file] = descriptor_pb2.FileDescriptorSet.FromString(made.stdout).file
    found = {}
    for location in file.source_code_info.location:
        if len(location.path) == 4 and (shown := re.search(r"\{.*\}", location.leading_comments)):
            info = json.loads(shown[0])
            found[info["reason"]] = (location.leading_comments.split(".")[0].strip(), set(info["metadata"]))
    return found


DOCUMENTED = documented()


def test_every_error_of_the_domain_has_a_row() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.StorageError)}

    assert kinds - INTERNAL == set(ERROR_TABLE)
    assert set(SAMPLES) == set(ERROR_TABLE)


def test_every_reason_of_the_contract_is_raised_by_somebody() -> None:
    reasons = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.keys()}  # noqa: SIM118 - no dict

    assert {row.reason for row in ERROR_TABLE.values()} == reasons - NOT_OURS
    assert set(DOCUMENTED) == reasons - {"UNSPECIFIED"}


@pytest.mark.parametrize("kind", ERROR_TABLE, ids=lambda kind: kind.__name__)
def test_a_row_says_what_the_contract_shows(kind: type[Exception]) -> None:
    row = ERROR_TABLE[kind]

    assert (row.code.name, set(row.metadata)) == DOCUMENTED[row.reason]


def told(error: Exception) -> Any:
    status = status_of(error, domain=DOMAIN, table=ERROR_TABLE)
    code = next(code for code in StatusCode if code.value[0] == status.code)
    return decode_status(status, code=code, message=status.message)


@pytest.mark.parametrize("kind", ERROR_TABLE, ids=lambda kind: kind.__name__)
def test_every_error_can_be_told(kind: type[Exception]) -> None:
    error = told(SAMPLES[kind])

    assert (error.reason, error.domain, error.message) == (ERROR_TABLE[kind].reason, DOMAIN, str(SAMPLES[kind]))
    assert all(value and value != "None" for value in error.metadata.values())
    assert (error.code is StatusCode.INVALID_ARGUMENT) == bool(error.violations)


def test_an_error_that_knows_its_field_blames_it() -> None:
    assert [(v.field, v.description) for v in told(SAMPLES[errors.InvalidAudioError]).violations] == [
        ("audio.subject", "a user_id is needed")
    ]
    assert told(SAMPLES[errors.CollectionUnknownError]).fields == ("audio.collection",)


def test_a_store_that_does_not_answer_says_when_to_come_back() -> None:
    assert told(SAMPLES[errors.BackendUnavailableError]).retry_after == timedelta(seconds=3)


def test_a_quota_says_how_much_and_when() -> None:
    error = told(SAMPLES[errors.QuotaExceededError])

    assert error.retry_after == timedelta(seconds=17)
    assert error.metadata == {
        "quota": "requests_per_minute",
        "limit": "30",
        "used": "30",
        "reset_time": "2026-01-15T06:30:00Z",
    }


def test_what_is_internal_tells_nothing() -> None:
    error = told(errors.StateChangedError("row 17 of secret table"))

    assert (error.code, error.reason) == (StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in error.message


def test_an_item_of_a_batch_fails_with_the_same_facts_as_a_call() -> None:
    item = failure(errors.AudioNotFoundError("audio/x"))

    assert item.reason == error_reason_pb2.ERROR_REASON_AUDIO_NOT_FOUND
    assert dict(item.metadata) == {"name": "audio/x"}
    assert item.message == str(errors.AudioNotFoundError("audio/x"))
