"""Outcomes of single items of a batch, as exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from mayfly_client._error_mapping import error_type
from mayfly_client._error_types import ErrorFacts, MayflyError, ServerError
from mayfly_client._results_storage import SignedUrl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mayfly_client._results_storage import AudioFailure

# An item of a batch has a reason and no status code; these are the codes that the same reasons have as failed calls.
_CODES = {"AUDIO_NOT_FOUND": grpc.StatusCode.NOT_FOUND, "INVALID_REQUEST": grpc.StatusCode.INVALID_ARGUMENT}


def failure_error(failure: AudioFailure) -> MayflyError:
    """The exception that a call for this one name would have raised."""
    code = _CODES.get(failure.reason)
    facts = ErrorFacts(code=code, reason=failure.reason, domain="storage.mayfly", metadata=failure.metadata)
    return error_type(failure.reason, code)(failure.message, facts)


def signed_or_raise(outcomes: Sequence[SignedUrl | AudioFailure]) -> SignedUrl:
    """The only link of a batch of one."""
    if len(outcomes) != 1:
        raise ServerError(f"storage answered {len(outcomes)} outcomes for one name")
    outcome = outcomes[0]
    if isinstance(outcome, SignedUrl):
        return outcome
    raise failure_error(outcome)
