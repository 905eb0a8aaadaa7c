# ruff: noqa: RUF001 - phonemes look like letters
from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
from mayfly.synth.v1 import synth_service_pb2 as pb

from mayfly_runtime.testing import rpc_error

if TYPE_CHECKING:
    from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceAsyncStub

NAME = "en_US-mayfly-low"


async def test_voices_are_listed(synth: SynthServiceAsyncStub) -> None:
    (voice,) = (await synth.ListVoices(pb.ListVoicesRequest(), timeout=30)).voices

    assert (voice.name, voice.language_code, voice.language, voice.quality) == (NAME, "en_US", "English", "low")
    assert (voice.sample_rate_hertz, list(voice.speakers)) == (16_000, [])
    assert voice.has_alignments
    assert voice.is_default


@pytest.mark.parametrize(("language_code", "count"), [("en", 1), ("en_US", 1), ("en-US", 1), ("en_GB", 0), ("de", 0)])
async def test_voices_are_listed_by_language(synth: SynthServiceAsyncStub, language_code: str, count: int) -> None:
    answer = await synth.ListVoices(pb.ListVoicesRequest(language_code=language_code), timeout=30)

    assert len(answer.voices) == count


async def test_what_is_no_language_is_refused(synth: SynthServiceAsyncStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.ListVoices(pb.ListVoicesRequest(language_code="../etc"), timeout=30)
    assert rpc_error(failed).fields == ("language_code",)


async def test_a_voice_is_answered_by_name(synth: SynthServiceAsyncStub) -> None:
    assert (await synth.GetVoice(pb.GetVoiceRequest(name=NAME), timeout=30)).voice.name == NAME


async def test_an_unknown_voice_that_is_near_to_none_has_no_empty_hint(synth: SynthServiceAsyncStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.GetVoice(pb.GetVoiceRequest(name="zzzzzzzz"), timeout=30)

    assert rpc_error(failed).metadata == {"voice": "zzzzzzzz"}


async def test_an_unknown_voice_is_not_found_and_near_ones_are_told(synth: SynthServiceAsyncStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.GetVoice(pb.GetVoiceRequest(name="en_US-mayfli-low"), timeout=30)

    error = rpc_error(failed)
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "VOICE_UNKNOWN")
    assert error.metadata == {"voice": "en_US-mayfli-low", "near": NAME}
    assert NAME in error.message


async def test_a_voice_without_name_is_an_invalid_request(synth: SynthServiceAsyncStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.GetVoice(pb.GetVoiceRequest(), timeout=30)
    assert (rpc_error(failed).reason, rpc_error(failed).fields) == ("INVALID_REQUEST", ("name",))


async def test_a_text_is_phonemized_sentence_by_sentence(synth: SynthServiceAsyncStub) -> None:
    answer = await synth.Phonemize(pb.PhonemizeRequest(text="Hello there. ... How are you?"), timeout=30)

    assert answer.voice == NAME
    assert [(one.index, one.graphemes, one.phonemes) for one in answer.segments] == [
        (0, "Hello there.", "həlˈoʊ ðˈɛɹ."),
        (1, "How are you?", "hˈaʊ ɑːɹ juː?"),
    ]
    assert not any(segment.HasField("timing") for segment in answer.segments)


@pytest.mark.parametrize(
    ("text", "reason"), [("", "TEXT_EMPTY"), ("...", "TEXT_UNSPEAKABLE"), ("\x07", "TEXT_UNSPEAKABLE")]
)
async def test_what_cannot_be_phonemized_is_told(synth: SynthServiceAsyncStub, text: str, reason: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.Phonemize(pb.PhonemizeRequest(text=text), timeout=30)
    assert (rpc_error(failed).reason, rpc_error(failed).fields) == (reason, ("text",))
