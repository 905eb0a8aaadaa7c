"""A voice whose tail is computed twice says what it says in one, and its beginning is heard first."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from mayfly_synth.domain.call import Call
from mayfly_synth.domain.utterance import Utterance
from mayfly_synth.engines.listening import Listener
from mayfly_synth.engines.sessions import open_session, open_wide_sessions
from mayfly_synth.engines.tailed import TailedSession
from mayfly_synth.engines.tails import find_tail
from mayfly_synth.testing import piper_engine
from mayfly_synth.testing_tails import tailed_voice_model
from mayfly_synth.testing_voices import FRAMES, HOP, voice_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mayfly_runtime.offload import Offload
    from mayfly_synth.domain.speech import Delivery
    from mayfly_synth.engines.voice_folder import LoadedVoice

SHIPPED = "en_US-mayfly-low"
SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog does not mind."


def ids(count: int) -> dict[str, NDArray[Any]]:
    """What a voice is given for so many phonemes, without noise."""
    return {
        "input": np.arange(1, count + 1, dtype=np.int64)[None, :],
        "input_lengths": np.array([count], np.int64),
        "scales": np.array([0.0, 1.0, 0.0], np.float32),
    }


def said(model: onnx.ModelProto, phonemes: int) -> NDArray[np.float32]:
    """By the whole model."""
    samples: NDArray[np.float32] = onnxruntime.InferenceSession(model.SerializeToString()).run(None, ids(phonemes))[0]
    return samples


def warm_session(folder: Path, model: onnx.ModelProto) -> TailedSession:
    """One that has spoken once."""
    onnx.save(model, folder / "voice.onnx")
    session = open_session(folder / "voice.onnx")
    assert isinstance(session, TailedSession)
    session.run(None, ids(30))
    return session


def heard_of(session: TailedSession, phonemes: int, **about: Any) -> tuple[list[NDArray[np.float32]], Any]:
    """What is heard first, and everything."""
    heard: list[NDArray[np.float32]] = []
    [samples, *_] = session.run(None, ids(phonemes), listener=Listener(heard.append, 0.125, **about))
    return heard, samples


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("phonemes", [1, 5, 14, 60, 200])
def test_the_tail_says_what_the_whole_says(tmp_path: Path, phonemes: int, threads: int) -> None:
    model = tailed_voice_model()
    onnx.save(model, tmp_path / "voice.onnx")
    path = tmp_path / "voice.onnx"
    [session] = open_wide_sessions(path, threads=threads) if threads > 1 else [open_session(path)]
    whole = said(model, phonemes)

    for _ in range(2):
        [samples] = session.run(None, ids(phonemes))
        assert samples.shape == (1, 1, 1, phonemes * FRAMES * HOP)
        np.testing.assert_allclose(samples, whole, atol=1e-4)


@pytest.mark.parametrize(("phonemes", "beginning"), [(1, []), (5, []), (6, [3_200]), (60, [9_600]), (200, [32_000])])
def test_the_beginning_is_heard_first(tmp_path: Path, phonemes: int, beginning: list[int]) -> None:
    session = warm_session(tmp_path, tailed_voice_model())

    heard, samples = heard_of(session, phonemes)

    assert [each.shape[-1] for each in heard] == beginning
    np.testing.assert_allclose(samples, session.run(None, ids(phonemes))[0], atol=1e-5)
    for each in heard:
        np.testing.assert_array_equal(each, samples[..., : each.shape[-1]])


def test_a_beginning_is_not_heard_before_the_voice_was_tried(tmp_path: Path) -> None:
    onnx.save(tailed_voice_model(), tmp_path / "voice.onnx")

    heard, _ = heard_of(open_session(tmp_path / "voice.onnx"), 60)

    assert heard == []


def test_the_shipped_voice_is_heard_before_it_is_done(voices_dir: Path) -> None:
    """Its samples are those of the whole model, bit by bit, on one thread."""
    path = voices_dir / f"{SHIPPED}.onnx"
    session = open_session(path)
    assert isinstance(session, TailedSession)
    session.run(None, ids(40))

    [beginning], samples = heard_of(session, 100)

    length = beginning.shape[-1]
    assert 3_200 <= length < samples.shape[-1] / 4
    np.testing.assert_array_equal(beginning, session.run(None, ids(100))[0][..., :length])
    np.testing.assert_allclose(samples, onnxruntime.InferenceSession(path).run(None, ids(100))[0], atol=1e-4)


def test_what_delays_others_is_not_computed_twice(tmp_path: Path) -> None:
    session = warm_session(tmp_path, tailed_voice_model())

    heard, samples = heard_of(session, 60, is_alone=False)

    assert heard == []
    np.testing.assert_array_equal(samples, session.run(None, ids(60))[0])


def loud_by_its_peak() -> list[onnx.NodeProto]:
    """The whole sets how loud the beginning is."""
    return [
        helper.make_node("ReduceMax", ["faded"], ["peak"]),
        helper.make_node("Div", ["faded", "peak"], ["output"]),
    ]


def backwards() -> list[onnx.NodeProto]:
    """What is heard first is what was told last."""
    about = {"axes": [3], "starts": [-1], "ends": [-(2**40)], "back": [-1]}
    constants = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(values, np.int64), name))
        for name, values in about.items()
    ]
    return [*constants, helper.make_node("Slice", ["faded", "starts", "ends", "axes", "back"], ["output"])]


@pytest.mark.parametrize("tail", [loud_by_its_peak, backwards])
def test_a_voice_that_does_not_begin_as_its_whole_does_is_spoken_in_one(tmp_path: Path, tail: Any) -> None:
    model = tailed_voice_model(tail=tail())
    session = warm_session(tmp_path, model)

    heard, samples = heard_of(session, 60)

    assert heard == []
    np.testing.assert_allclose(samples, said(model, 60), atol=1e-4)


def quieter_when_long() -> list[onnx.NodeProto]:
    """Which a short sentence does not show: above 50,000 samples, each takes as much as it is longer."""
    limit = numpy_helper.from_array(np.array(50_000, np.float32), "limit")
    return [
        helper.make_node("Constant", [], ["limit"], value=limit),
        helper.make_node("Cast", ["length"], ["long"], to=TensorProto.FLOAT),
        helper.make_node("Max", ["long", "limit"], ["longer"]),
        helper.make_node("Div", ["limit", "longer"], ["gain"]),
        helper.make_node("Mul", ["faded", "gain"], ["output"]),
    ]


def test_a_beginning_that_turns_out_to_differ_was_the_last_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = tailed_voice_model(tail=quieter_when_long())
    session = warm_session(tmp_path, model)
    whole = said(model, 100)

    with caplog.at_level(logging.WARNING, "mayfly.synth.voices"):
        [beginning], samples = heard_of(session, 100)
    again, _ = heard_of(session, 100)

    length = beginning.shape[-1]
    assert np.abs(beginning - whole[..., :length]).max() > 0.01
    np.testing.assert_array_equal(samples[..., :length], beginning)
    np.testing.assert_allclose(samples[..., length:], whole[..., length:], atol=1e-4)
    assert [(each.getMessage(), each.__dict__["voice"]) for each in caplog.records] == [
        ("voice_beginning_differs", "voice")
    ]
    assert again == []


def test_what_is_told_besides_the_samples_comes_from_the_front(tmp_path: Path) -> None:
    model = tailed_voice_model()
    model.graph.output.append(helper.make_tensor_value_info("columns", TensorProto.FLOAT, [None] * 3))
    session = warm_session(tmp_path, model)

    assert [each.name for each in session.get_inputs()] == ["input", "input_lengths", "scales"]
    assert [each.name for each in session.get_outputs()] == ["output", "columns"]
    samples, columns = session.run(None, ids(30))
    assert samples.shape[-1] == columns.shape[-1] * HOP


def test_the_tail_of_the_shipped_voice_takes_two_tensors(voices_dir: Path) -> None:
    tail = find_tail(onnx.load(voices_dir / f"{SHIPPED}.onnx"))

    assert tail is not None
    assert [len(each.type.tensor_type.shape.dim) for each in tail] == [3, 1]


def with_chance(model: onnx.ModelProto) -> None:
    [sines] = [node for node in model.graph.node if node.output[0] == "sines"]
    sines.op_type = "RandomNormalLike"


def with_another_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("phases", TensorProto.FLOAT, [None] * 3))


def without_work(model: onnx.ModelProto) -> None:
    [grained] = [node for node in model.graph.node if node.output[0] == "grained"]
    grained.op_type, grained.input[:] = "Identity", ["sines"]


def with_whole_numbers(model: onnx.ModelProto) -> None:
    [left] = [node for node in model.graph.node if node.output[0] == "left"]
    left.input[1] = "input"


def with_a_scalar(model: onnx.ModelProto) -> None:
    [over] = [node for node in model.graph.node if node.output[0] == "frames_left"]
    over.input[1] = "scale"


def without_convolutions(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        if node.op_type == "Conv":
            node.op_type = "Identity"


@pytest.mark.parametrize(
    "change",
    [with_chance, with_another_output, without_work, with_whole_numbers, with_a_scalar, without_convolutions],
)
def test_other_voices_have_no_such_tail(change: Any) -> None:
    model = tailed_voice_model()
    assert find_tail(model) is not None

    change(model)

    assert find_tail(model) is None


def test_a_voice_as_pipers_are_ends_in_convolutions() -> None:
    assert find_tail(voice_model()) is None


@pytest.fixture
def noisy(delivery: Delivery) -> Delivery:
    return dataclasses.replace(delivery, noise_scale=0.3)


async def test_whoever_waits_hears_the_beginning_first(shipped: LoadedVoice, noisy: Delivery, offload: Offload) -> None:
    heard: list[bytes] = []

    spoken = await piper_engine([shipped], offload).speak(
        Utterance.of(SENTENCE), noisy, call=Call(), heard=heard.append
    )

    [beginning] = heard
    assert 6_400 <= len(beginning) < len(spoken.pcm) / 2
    assert spoken.pcm.startswith(beginning)


async def test_beside_others_nothing_is_computed_twice(shipped: LoadedVoice, noisy: Delivery, offload: Offload) -> None:
    engine, heard = piper_engine([shipped], offload), list[bytes]()

    await asyncio.gather(
        *(engine.speak(Utterance.of(SENTENCE), noisy, call=Call(), heard=heard.append) for _ in range(3))
    )

    assert heard == []


def test_whoever_goes_away_after_the_beginning_is_not_spoken_to(tmp_path: Path) -> None:
    session = warm_session(tmp_path, tailed_voice_model())
    options = onnxruntime.RunOptions()
    leaves = Listener(lambda _: setattr(options, "terminate", True), 0.125)

    with pytest.raises(Exception, match="terminate flag"):
        session.run(None, ids(60), options, listener=leaves)
