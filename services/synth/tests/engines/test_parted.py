"""A voice in two parts says what it says in one, and its beginning is heard first."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from mayfly_synth.domain.call import Call
from mayfly_synth.domain.utterance import Utterance
from mayfly_synth.engines.listening import Listener
from mayfly_synth.engines.parted import PartedSession, in_parts
from mayfly_synth.engines.seams import find_seam
from mayfly_synth.engines.sessions import open_session, open_wide_sessions
from mayfly_synth.testing import load_voices, piper_engine
from mayfly_synth.testing_voices import FRAMES, HOP, voice_model, write_voice

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mayfly_runtime.offload import Offload
    from mayfly_synth.domain.speech import Delivery
    from mayfly_synth.engines.voice_folder import LoadedVoice

# 7 taps: 3 frames; up by 8 from 16 taps: 11/8; 6 of 8 places: 6/8; up again: 11/64; 6 and 3 of 64. Together 5.4.
REACH = 6
DEAF = Listener(lambda _: None, 0.125)
SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog does not mind."


def ids(count: int) -> dict[str, NDArray[Any]]:
    """What a voice is given for so many phonemes, without noise."""
    return {
        "input": np.arange(1, count + 1, dtype=np.int64)[None, :],
        "input_lengths": np.array([count], np.int64),
        "scales": np.array([0.0, 1.0, 0.0], np.float32),
    }


@pytest.fixture
def tiny_model(tmp_path: Path, voices_dir: Path) -> Path:
    return write_voice(tmp_path, described_by=voices_dir / "en_US-mayfly-low.onnx.json")


@pytest.fixture
def tiny(tiny_model: Path) -> LoadedVoice:
    (voice,) = load_voices(tiny_model.parent)
    return voice


@pytest.fixture
def noisy(delivery: Delivery, tiny: LoadedVoice) -> Delivery:
    return dataclasses.replace(delivery, voice=tiny.voice, noise_scale=0.3)


def whole_session() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(voice_model().SerializeToString())


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("phonemes", [1, 5, 14, 60, 200])
def test_two_parts_say_what_the_whole_says(tiny_model: Path, phonemes: int, threads: int) -> None:
    [session] = open_wide_sessions(tiny_model, threads=threads) if threads > 1 else [open_session(tiny_model)]
    assert isinstance(session, PartedSession)

    [whole], [parted] = whole_session().run(None, ids(phonemes)), session.run(None, ids(phonemes))
    heard: list[NDArray[np.float32]] = []
    [pieces] = session.run(None, ids(phonemes), listener=Listener(heard.append, 0.125))

    assert whole.shape == parted.shape == pieces.shape == (1, 1, 1, phonemes * FRAMES * HOP)
    np.testing.assert_allclose(parted, whole, atol=1e-5)
    np.testing.assert_allclose(pieces, whole, atol=1e-5)
    for beginning in heard:
        np.testing.assert_array_equal(beginning, pieces[..., : beginning.shape[-1]])


@pytest.mark.parametrize(("phonemes", "beginning"), [(1, []), (12, []), (14, [8_000]), (60, [9_600]), (200, [32_000])])
def test_the_beginning_is_long_enough_to_be_listened_to(tiny_model: Path, phonemes: int, beginning: list[int]) -> None:
    heard: list[NDArray[np.float32]] = []

    open_session(tiny_model).run(None, ids(phonemes), listener=Listener(heard.append, 0.125))

    assert [each.shape[-1] for each in heard] == beginning


class Watched:
    """The session behind the seam; notes for how many frames it had to find room."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session
        self.lengths: list[int] = []

    def run(self, names: None, inputs: dict[str, NDArray[Any]], options: Any = None) -> list[Any]:
        [frames] = inputs.values()
        self.lengths.append(frames.shape[-1])
        return list(self.session.run(names, inputs, options))


@pytest.mark.parametrize(
    ("share", "pieces"),
    [
        pytest.param(0.0, 7, id="nobody listens"),
        pytest.param(0.05, 8, id="a short beginning"),
        pytest.param(0.45, 7, id="a beginning in three pieces"),
    ],
)
def test_what_is_long_is_computed_in_pieces_that_are_not(share: float, pieces: int) -> None:
    parts = in_parts(voice_model())
    assert parts is not None
    front, back = (onnxruntime.InferenceSession(each.SerializeToString()) for each in (parts.front, parts.back))
    watched: Any = Watched(back)
    heard: list[NDArray[np.float32]] = []
    listener = Listener(heard.append, share) if share else None
    [whole] = whole_session().run(None, ids(500))

    [samples] = PartedSession(front, watched, parts.seam).run(None, ids(500), listener=listener)

    assert samples.shape == whole.shape == (1, 1, 1, 640_000)
    np.testing.assert_allclose(samples, whole, atol=1e-5)
    assert [each.shape[-1] for each in heard] == ([640_000 * share] if share else [])
    assert len(watched.lengths) == pieces
    assert max(watched.lengths) <= 100_000 / HOP + 2 * REACH


def test_with_fewer_frames_around_it_a_beginning_would_be_another() -> None:
    parts = in_parts(voice_model())
    assert parts is not None
    front, back = (onnxruntime.InferenceSession(each.SerializeToString()) for each in (parts.front, parts.back))
    whole = PartedSession(front, back, parts.seam).run(None, ids(60))[0]

    def differs(reach: int) -> float:
        session = PartedSession(front, back, dataclasses.replace(parts.seam, reach=reach))
        return float(np.abs(session.run(None, ids(60), listener=DEAF)[0] - whole).max())

    assert parts.seam.reach == REACH
    assert differs(REACH) < 1e-6
    assert differs(REACH - 2) > 1e-4


def test_neither_part_has_the_weights_of_the_other() -> None:
    parts = in_parts(voice_model())
    assert parts is not None

    front, back = ({tensor.name for tensor in each.graph.initializer} for each in (parts.front, parts.back))

    assert front & back == {"one"}  # which both have for an axis
    assert "table" in front
    assert "up1_w" in back


def test_what_is_told_besides_the_samples_comes_from_the_front(tmp_path: Path) -> None:
    model = voice_model()
    model.graph.output.append(helper.make_tensor_value_info("columns", TensorProto.FLOAT, [None] * 3))
    onnx.save(model, tmp_path / "voice.onnx")
    session = open_session(tmp_path / "voice.onnx")

    assert isinstance(session, PartedSession)
    assert [each.name for each in session.get_inputs()] == ["input", "input_lengths", "scales"]
    assert [each.name for each in session.get_outputs()] == ["output", "columns"]
    samples, columns = session.run(None, ids(30), listener=DEAF)
    assert samples.shape[-1] == columns.shape[-1] * HOP


def test_a_voice_with_speakers_is_cut_behind_what_the_speaker_is_added_to() -> None:
    model = voice_model(with_speaker=True)
    # The speaker's tensor is not always the same.
    [kept] = [tensor for tensor in model.graph.initializer if tensor.name == "speaker"]
    model.graph.initializer.remove(kept)
    model.graph.input.append(helper.make_tensor_value_info("speaker", TensorProto.FLOAT, [1, 8, 1]))

    seam = find_seam(model.graph)

    assert seam is not None
    assert (seam.tensor, seam.reach) == ("pre_said", REACH - 3)


def without_attribute(node: onnx.NodeProto, name: str) -> None:
    [attribute] = [each for each in node.attribute if each.name == name]
    node.attribute.remove(attribute)


def strided(node: onnx.NodeProto) -> None:
    node.attribute.append(helper.make_attribute("strides", [2]))


def shorter(node: onnx.NodeProto) -> None:
    without_attribute(node, "pads")


def unknown(node: onnx.NodeProto) -> None:
    node.op_type = "Softmax"


def recurrent(node: onnx.NodeProto) -> None:
    node.op_type = "CumSum"


@pytest.mark.parametrize("change", [strided, shorter, unknown, recurrent])
def test_what_does_not_keep_to_its_place_is_not_cut(change: Any) -> None:
    model = voice_model()
    [last] = [node for node in model.graph.node if node.output[0] == "post"]
    change(last)

    assert find_seam(model.graph) is None


def test_a_gain_that_changes_with_time_is_not_cut() -> None:
    model = voice_model()
    line = next(node for node in model.graph.node if node.output[0] == "line")
    line.op_type, line.input[:] = "Mul", ["post", "fade"]
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(1280, np.float32), "fade"))

    assert find_seam(model.graph) is None


def test_what_others_need_is_left_to_the_front() -> None:
    model = voice_model()
    model.graph.output.append(helper.make_tensor_value_info("up0_r", TensorProto.FLOAT, [None] * 3))

    seam = find_seam(model.graph)

    assert seam is not None
    assert (seam.tensor, seam.hop) == ("sum0", 8)


def test_the_shipped_voice_is_not_built_so(voices_dir: Path) -> None:
    assert find_seam(onnx.load(voices_dir / "en_US-mayfly-low.onnx").graph) is None


async def test_whoever_waits_hears_the_beginning_first(tiny: LoadedVoice, noisy: Delivery, offload: Offload) -> None:
    heard: list[bytes] = []

    spoken = await piper_engine([tiny], offload).speak(Utterance.of(SENTENCE), noisy, call=Call(), heard=heard.append)

    [beginning] = heard
    assert 16_000 <= len(beginning) < len(spoken.pcm) / 2
    assert spoken.pcm.startswith(beginning)


async def test_the_beginning_is_as_loud_as_the_rest(tiny: LoadedVoice, noisy: Delivery, offload: Offload) -> None:
    heard: list[bytes] = []
    quiet = dataclasses.replace(noisy, volume=0.1)

    spoken = await piper_engine([tiny], offload).speak(Utterance.of(SENTENCE), quiet, call=Call(), heard=heard.append)

    assert heard
    assert spoken.pcm.startswith(heard[0])
    assert 0 < np.abs(np.frombuffer(spoken.pcm, "<i2")).max() <= 3_277


async def test_what_is_to_be_repeatable_is_spoken_in_one(tiny: LoadedVoice, noisy: Delivery, offload: Offload) -> None:
    heard: list[bytes] = []

    plain = dataclasses.replace(noisy, noise_scale=0.0, noise_w_scale=0.0)
    await piper_engine([tiny], offload).speak(Utterance.of(SENTENCE), plain, call=Call(), heard=heard.append)

    assert heard == []


def test_whoever_goes_away_after_the_beginning_is_not_spoken_to(tiny_model: Path) -> None:
    options = onnxruntime.RunOptions()
    leaves = Listener(lambda _: setattr(options, "terminate", True), 0.125)

    with pytest.raises(Exception, match="terminate flag"):
        open_session(tiny_model).run(None, ids(60), options, listener=leaves)
