"""How a fake server refuses: the same status, ErrorInfo, BadRequest and RetryInfo as a real one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from google.protobuf.message import Message

_DETAILS_KEY = "grpc-status-details-bin"


@dataclass(frozen=True, kw_only=True)
class Refusal(Exception):  # noqa: N818 - it is an answer
    """A refused call."""

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    """Violations by field."""
    retry_after: timedelta | None = None

    def abort(self, context: grpc.ServicerContext, domain: str) -> NoReturn:
        """End the call with this."""
        context.set_trailing_metadata(((_DETAILS_KEY, self._status(domain).SerializeToString()),))
        context.abort(self.code, self.message)

    def _status(self, domain: str) -> status_pb2.Status:
        number: int = self.code.value[0]
        return status_pb2.Status(
            code=number, message=self.message, details=[_packed(each) for each in self._details(domain)]
        )

    def _details(self, domain: str) -> list[Message]:
        details: list[Message] = []
        if self.reason:
            details.append(error_details_pb2.ErrorInfo(reason=self.reason, domain=domain, metadata=self.metadata))
        if self.fields:
            bad = error_details_pb2.BadRequest()
            for name, description in self.fields.items():
                bad.field_violations.add(field=name, description=description)
            details.append(bad)
        if self.retry_after is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromTimedelta(self.retry_after)
            details.append(retry)
        return details


def invalid(field_name: str, description: str) -> Refusal:
    """A field that is missing or wrong."""
    return Refusal(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason="INVALID_REQUEST",
        message=f"{field_name}: {description}",
        fields={field_name: description},
    )


def not_yet(feature: str) -> Refusal:
    """The contract has this, and the fake does not carry it out."""
    return Refusal(
        code=grpc.StatusCode.UNIMPLEMENTED,
        reason="NOT_IMPLEMENTED",
        message=f"the fake does not carry out {feature}",
        metadata={"feature": feature},
    )


def not_found(name: str) -> Refusal:
    """No readable audio has this name."""
    return Refusal(
        code=grpc.StatusCode.NOT_FOUND,
        reason="AUDIO_NOT_FOUND",
        message=f"no readable audio is named {name!r}",
        metadata={"name": name},
    )


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
