from __future__ import annotations

import pickle
from datetime import timedelta

import grpc
import grpc.aio
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from mayfly.storage.v1 import error_reason_pb2 as storage_reasons
from mayfly.sweeper.v1 import error_reason_pb2 as sweeper_reasons
from mayfly.synth.v1 import error_reason_pb2 as synth_reasons

from mayfly_client import errors
from mayfly_client._remedies import NO_REMEDY_NEEDED, remedy_for

Code = grpc.StatusCode


def failed(code: Code, text: str, *details: error_details_pb2.ErrorInfo, raw: bytes | None = None) -> grpc.RpcError:
    """What a channel raises for a failed call."""
    status = status_pb2.Status(code=code.value[0], message=text)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    trailer = [("grpc-status-details-bin", raw if raw is not None else status.SerializeToString())]
    metadata = grpc.aio.Metadata(*trailer) if details or raw is not None else grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, text)


def info(reason: str, domain: str = "storage.mayfly", **metadata: str) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=metadata)


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (Code.INVALID_ARGUMENT, "INVALID_REQUEST", errors.InvalidRequestError),
        (Code.INVALID_ARGUMENT, "TEXT_EMPTY", errors.InvalidRequestError),
        (Code.NOT_FOUND, "AUDIO_NOT_FOUND", errors.AudioNotFoundError),
        (Code.NOT_FOUND, "VOICE_UNKNOWN", errors.VoiceNotFoundError),
        (Code.NOT_FOUND, "SPEAKER_UNKNOWN", errors.VoiceNotFoundError),
        (Code.NOT_FOUND, "SWEEP_NOT_FOUND", errors.SweepNotFoundError),
        (Code.NOT_FOUND, "SOMETHING_NEW", errors.NotFoundError),
        (Code.ALREADY_EXISTS, "OBJECT_KEY_TAKEN", errors.ConflictError),
        (Code.ABORTED, "UPLOAD_FENCED", errors.ConflictError),
        (Code.FAILED_PRECONDITION, "SWEEP_RUNNING", errors.PreconditionError),
        (Code.FAILED_PRECONDITION, "CONTENT_MISMATCH", errors.ContentMismatchError),
        (Code.PERMISSION_DENIED, "CALLER_FORBIDDEN", errors.ForbiddenError),
        (Code.UNAUTHENTICATED, "CALLER_UNAUTHENTICATED", errors.UnauthenticatedError),
        (Code.RESOURCE_EXHAUSTED, "SERVER_BUSY", errors.ServerBusyError),
        (Code.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", errors.QuotaExceededError),
        (Code.RESOURCE_EXHAUSTED, "STORAGE_FULL", errors.StorageFullError),
        (Code.UNAVAILABLE, "BACKEND_UNAVAILABLE", errors.UnavailableError),
        (Code.DEADLINE_EXCEEDED, "DEADLINE_TOO_SHORT", errors.DeadlineError),
        (Code.UNIMPLEMENTED, "NOT_IMPLEMENTED", errors.NotImplementedYetError),
        (Code.INTERNAL, "INTERNAL", errors.ServerError),
        (Code.CANCELLED, "", errors.MayflyError),
    ],
)
def test_each_reason_and_code_has_its_class(code: Code, reason: str, kind: type[errors.MayflyError]) -> None:
    error = errors.from_rpc_error(failed(code, "It is so.", info(reason)))

    assert type(error) is kind
    assert str(error) == "It is so."
    assert error.code is code
    assert error.reason == reason or code.name


def test_all_facts_of_a_status_are_there() -> None:
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="options.speed", description="must be 0.25 to 4.0")
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromTimedelta(timedelta(seconds=2))

    error = errors.from_rpc_error(failed(Code.INVALID_ARGUMENT, "no", retry, bad, info("INVALID_REQUEST", limit="30")))

    assert error.violations == (errors.Violation("options.speed", "must be 0.25 to 4.0"),)
    assert error.retry_after == timedelta(seconds=2)
    assert error.metadata == {"limit": "30"}
    assert error.domain == "storage.mayfly"
    assert error.remedy == ""


def test_a_server_that_does_not_answer_is_named_with_its_address_and_its_variable() -> None:
    text = "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:50061: Connection refused"

    error = errors.from_rpc_error(failed(Code.UNAVAILABLE, text), service="synth", target="127.0.0.1:50061")

    assert isinstance(error, errors.UnavailableError)
    assert str(error) == "synth at 127.0.0.1:50061 does not answer (connection refused)"
    assert error.reason == "NO_ANSWER"
    assert "MAYFLY_SYNTH_TARGET" in error.remedy


def test_an_unusual_cause_of_no_answer_is_kept_as_it_is() -> None:
    error = errors.from_rpc_error(failed(Code.UNAVAILABLE, "GOAWAY received"))

    assert str(error) == "the server does not answer (GOAWAY received)"


def test_a_deadline_without_details_names_who_was_late() -> None:
    error = errors.from_rpc_error(failed(Code.DEADLINE_EXCEEDED, "Deadline Exceeded"), service="storage", target="s:1")

    assert isinstance(error, errors.DeadlineError)
    assert str(error) == "storage at s:1 did not answer in time"


def test_details_that_cannot_be_read_do_not_hide_the_failure() -> None:
    error = errors.from_rpc_error(failed(Code.NOT_FOUND, "nothing here", raw=b"\xff\xff\xff"))

    assert isinstance(error, errors.NotFoundError)
    assert (str(error), error.reason, error.metadata) == ("nothing here", "NOT_FOUND", {})


def test_facts_survive_a_way_between_processes() -> None:
    error = errors.from_rpc_error(failed(Code.NOT_FOUND, "gone", info("AUDIO_NOT_FOUND", name="audio/x")))

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(again) is errors.AudioNotFoundError
    assert (str(again), again.facts) == (str(error), error.facts)


@pytest.mark.parametrize("enum", [storage_reasons, synth_reasons, sweeper_reasons], ids=["storage", "synth", "sweeper"])
def test_each_reason_of_the_contracts_has_a_remedy_or_a_message_that_needs_none(enum: object) -> None:
    names = {value.name.removeprefix("ERROR_REASON_") for value in enum.ErrorReason.DESCRIPTOR.values}  # type: ignore[attr-defined]
    # No call of this client raises the last one: only the sweeper appends certificates.
    names -= {"UNSPECIFIED", "CERTIFICATE_CONFLICT"}

    assert {name for name in names if not remedy_for(name, "")} == names & NO_REMEDY_NEEDED
