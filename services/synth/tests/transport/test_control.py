# ruff: noqa: RUF001 - phonemes look like letters
"""What a caller may ask of the way a text is spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from mayfly.synth.v1 import synth_service_pb2 as pb

from mayfly_runtime.testing import rpc_error

if TYPE_CHECKING:
    from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceAsyncStub

    from mayfly_synth.testing import MemorySink


def request(text: str, **options: Any) -> pb.SynthesizeRequest:
    return pb.SynthesizeRequest(request_id=str(uuid4()), text=text, options=pb.SpeechOptions(**options))


def ssml(body: str, **options: Any) -> pb.SynthesizeRequest:
    return request(f"<speak>{body}</speak>", ssml=True, **options)


def seconds(duration: Duration) -> float:
    return duration.ToTimedelta().total_seconds()


async def test_words_are_said_as_the_caller_says(synth: SynthServiceAsyncStub) -> None:
    pronunciations = {"GIF": "[[dʒˈɪf]]", "new york": "the city"}

    answer = await synth.Synthesize(request("A gif of New York.", pronunciations=pronunciations), timeout=20)

    [segment] = answer.segments
    assert segment.graphemes == "A gif of New York."
    assert segment.phonemes == "ˈeɪ dʒˈɪf ʌvðə sˈɪɾi."
    assert [word.graphemes for word in segment.words] == ["A", "gif", "of", "New", "York"]


async def test_a_stream_takes_pronunciations_too(synth: SynthServiceAsyncStub) -> None:
    options = pb.SpeechOptions(pronunciations={"gif": "[[dʒˈɪf]]"})
    config = pb.StreamConfig(request_id=str(uuid4()), options=options, discard=True)
    messages = [pb.StreamSynthesizeRequest(config=config), pb.StreamSynthesizeRequest(text="One gif.")]

    answers = [answer async for answer in synth.StreamSynthesize(iter(messages), timeout=20)]

    [segment] = [answer.segment for answer in answers if answer.HasField("segment")]
    assert segment.phonemes == "wˌʌn dʒˈɪf."


async def test_what_is_said_counts_and_not_only_what_is_written(synth: SynthServiceAsyncStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.Synthesize(request("it " * 100, pronunciations={"it": "b" * 200}), timeout=20)

    error = rpc_error(failed)
    assert error.reason == "TEXT_TOO_LONG"
    assert error.metadata == {"characters": "20099", "max_characters": "5000"}


async def test_ssml_is_spoken_with_its_breaks_and_marks(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    body = '<s>Hello there.</s><break time="2s"/><s>How <mark name="are"/>are you?</s><mark name="end"/>'

    answer = await synth.Synthesize(ssml(body, sentence_silence=Duration()), timeout=20)

    first, second = answer.segments
    assert [first.graphemes, second.graphemes] == ["Hello there.", "How are you?"]
    assert seconds(second.timing.start_offset) - seconds(first.timing.end_offset) == pytest.approx(2)
    assert [mark.name for mark in answer.marks] == ["are", "end"]
    assert answer.marks[0].offset == second.words[1].timing.start_offset
    assert seconds(answer.marks[1].offset) == pytest.approx(seconds(second.timing.end_offset), abs=0.01)
    [kept] = sink.kept.values()
    assert kept.speech.text == "Hello there. How are you?"


async def test_a_mark_after_punctuation_is_passed_when_its_word_begins(synth: SynthServiceAsyncStub) -> None:
    body = '"Hello" - <mark name="at"/>there<mark name="then"/> my friend.'

    answer = await synth.Synthesize(ssml(body), timeout=20)

    [segment] = answer.segments
    assert [word.graphemes for word in segment.words] == ["Hello", "there", "my", "friend"]
    assert [mark.offset for mark in answer.marks] == [word.timing.start_offset for word in segment.words[1:3]]


async def test_words_are_as_they_were_written_in_every_script(synth: SynthServiceAsyncStub) -> None:
    pronunciations = {"नदी": "river"}

    answer = await synth.Synthesize(request("नदी ที่ ❤\ufe0f x̂!", pronunciations=pronunciations), timeout=20)

    [segment] = answer.segments
    assert [word.graphemes for word in segment.words] == ["नदी", "ที่", "x̂"]
    assert segment.phonemes.startswith("ɹˈɪvɚ")


async def test_a_text_sounds_the_same_wherever_it_is_cut(synth: SynthServiceAsyncStub) -> None:
    whole = await synth.Synthesize(request("The café is open."), timeout=20)
    config = pb.StreamConfig(request_id=str(uuid4()), discard=True)
    messages = [
        pb.StreamSynthesizeRequest(config=config),
        *(pb.StreamSynthesizeRequest(text=character) for character in "The cafe\N{COMBINING ACUTE ACCENT} is open."),
    ]

    answers = [answer async for answer in synth.StreamSynthesize(iter(messages), timeout=20)]

    [segment] = [answer.segment for answer in answers if answer.HasField("segment")]
    assert (segment.graphemes, segment.phonemes) == ("The café is open.", whole.segments[0].phonemes)


async def test_prosody_is_heard(synth: SynthServiceAsyncStub) -> None:
    body = '<s>The quick fox.</s><prosody rate="50%"><s>The quick fox.</s></prosody>'

    answer = await synth.Synthesize(ssml(body, noise_scale=0, noise_w_scale=0), timeout=20)

    normal, slow = [seconds(one.timing.end_offset) - seconds(one.timing.start_offset) for one in answer.segments]
    assert slow == pytest.approx(2 * normal, rel=0.1)


async def test_an_element_that_is_not_supported_is_an_error_with_its_line(synth: SynthServiceAsyncStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.Synthesize(ssml('Hello\n<audio src="http://127.0.0.1/x.wav"/>'), timeout=20)

    error = rpc_error(failed)
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "SSML_INVALID")
    allowed = "break, mark, p, phoneme, prosody, s, say-as, speak, sub"
    assert error.metadata == {"element": "audio", "line": "2", "allowed": allowed}
    assert error.fields == ("text",)


async def test_the_same_element_is_a_warning_where_that_was_asked_for(synth: SynthServiceAsyncStub) -> None:
    answer = await synth.Synthesize(ssml("Hello <emphasis>there</emphasis>.", lenient_ssml=True), timeout=20)

    assert [segment.graphemes for segment in answer.segments] == ["Hello there."]
    assert len(answer.warnings) == 1
    assert "<emphasis>" in answer.warnings[0]


@pytest.mark.parametrize("prefix", ['<!DOCTYPE speak [<!ENTITY x SYSTEM "file:///etc/hostname">]>', "<?x y?>"])
async def test_nothing_from_outside_comes_in(synth: SynthServiceAsyncStub, prefix: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.Synthesize(request(f"{prefix}<speak>&x;</speak>", ssml=True), timeout=20)

    assert rpc_error(failed).reason == "SSML_INVALID"


async def test_without_ssml_markup_is_text(synth: SynthServiceAsyncStub) -> None:
    answer = await synth.Synthesize(request("<s>Hello</s>"), timeout=20)

    assert answer.segments[0].graphemes == "<s>Hello</s>"


async def test_without_noise_the_same_input_gives_the_same_bytes(synth: SynthServiceAsyncStub) -> None:
    asked = [ssml('Hello <break/> <prosody rate="fast">you</prosody>.', noise_scale=0, noise_w_scale=0) for _ in "12"]

    first, second = [(await synth.Synthesize(each, timeout=20)).audio.sha256 for each in asked]

    assert first == second
