from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import httpx
import pytest
from mayfly.storage.v1 import error_reason_pb2 as storage_reasons
from mayfly.synth.v1 import error_reason_pb2 as synth_reasons

from mayfly_client.errors import ErrorFacts, MayflyError
from mayfly_gateway.process_errors import _CATEGORIES, as_process_error

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly

CONTRACT = Path(__file__).parents[4] / "protos/mayfly/synth/v1/synth_service.proto"
OUR_OWN = {"NO_ANSWER", "UNAVAILABLE", "DEADLINE_EXCEEDED"}


def failure(reason: str, **metadata: str) -> MayflyError:
    facts = ErrorFacts(code=grpc.StatusCode.INVALID_ARGUMENT, reason=reason, domain="synth.mayfly", metadata=metadata)
    return MayflyError("It failed.", facts)


def reasons_of_process_audio() -> set[str]:
    """Those that the contract names."""
    told = re.search(r"ProcessAudio trims.*?Reasons: (.*?)\n  rpc", CONTRACT.read_text(encoding="utf-8"), re.DOTALL)
    assert told is not None
    return set(re.findall(r"[A-Z][A-Z_]{5,}", told[1]))


def test_every_category_is_of_a_reason_that_there_is() -> None:
    known = {
        name.removeprefix("ERROR_REASON_")
        for reasons in (storage_reasons, synth_reasons)
        for name in reasons.ErrorReason.keys()  # noqa: SIM118 - an enum of protobuf is no mapping
    }

    assert set(_CATEGORIES) <= known | OUR_OWN


def test_every_reason_that_processing_has_is_of_a_category() -> None:
    about_others = {"AUDIO_NOT_FOUND", "REQUEST_ID_REUSED"}  # no door names a stored audio, or takes a request's id

    assert len(reasons_of_process_audio()) > 10
    assert reasons_of_process_audio() - set(_CATEGORIES) == about_others


async def test_copies_of_what_failed_are_told_by_links_and_not_by_names(fake: FakeMayfly) -> None:
    async with fake.async_client() as mayfly:
        copy = await mayfly.save(b"what failed", collection="temp-audio", content_type="audio/wav")
        error = failure("AUDIO_UNREADABLE", allowed="wav", debug_input=copy.name, debug_output="audio/none/none")
        told = (await as_process_error(mayfly, error)).problem.metadata

    assert set(told) == {"allowed", "error_type", "debug_input_url"}
    async with httpx.AsyncClient(timeout=60) as other:
        assert (await other.get(told["debug_input_url"])).content == b"what failed"


async def test_a_storage_that_cannot_link_hides_no_failure(fake: FakeMayfly) -> None:
    fake.refuse("SignUrls", grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", times=9)
    async with fake.async_client() as mayfly:
        problem = (await as_process_error(mayfly, failure("AUDIO_UNREADABLE", debug_input="audio/a/b"))).problem

    assert (problem.reason, problem.metadata) == ("AUDIO_UNREADABLE", {"error_type": "invalid_input"})


@pytest.mark.parametrize("reason", ["INTERNAL", "ENCODER_FAILED"])
async def test_what_is_a_fault_of_ours_is_one_of_processing(fake: FakeMayfly, reason: str) -> None:
    async with fake.async_client() as mayfly:
        problem = (await as_process_error(mayfly, failure(reason))).problem

    assert problem.metadata["error_type"] == "processing_error"
