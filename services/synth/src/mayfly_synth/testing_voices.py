"""A voice for tests that is built as Piper's are: frames first, then a stack of convolutions that makes samples."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

STRIDES: Final = (8, 8)
HOP: Final = 64
"""Samples of a frame."""
FRAMES: Final = 20
"""Of a phoneme."""
_CHANNELS: Final = 8
_IDS: Final = 512


def voice_model(*, with_speaker: bool = False) -> onnx.ModelProto:
    """The model. Time is that of Piper's: ids, then frames, then samples.

    Args:
        with_speaker: Whether a speaker's tensor is added behind the first convolution, as voices with speakers have it.
    """
    nodes = [*_front(), *_back(with_speaker=with_speaker)]
    graph = helper.make_graph(
        nodes,
        "voice",
        [
            helper.make_tensor_value_info("input", TensorProto.INT64, ["batch", "phonemes"]),
            helper.make_tensor_value_info("input_lengths", TensorProto.INT64, ["batch"]),
            helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
        ],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 1, 1, "time"])],
        list(_weights()),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def write_voice(folder: Path, *, described_by: Path, name: str = "en_US-tiny-low") -> Path:
    """A voice's two files.

    Args:
        folder: Where to.
        described_by: The description of another voice, which knows the phonemes.
        name: Its name.
    """
    described: dict[str, Any] = json.loads(described_by.read_text(encoding="utf-8"))
    path = folder / f"{name}.onnx"
    onnx.save(voice_model(), path)
    path.with_name(f"{path.name}.json").write_text(json.dumps(described), encoding="utf-8")
    return path


def _front() -> list[onnx.NodeProto]:
    """A few frames for each id, with noise as much as is asked for."""
    return [
        helper.make_node("Gather", ["table", "input"], ["embedded"]),
        helper.make_node("Unsqueeze", ["embedded", "two"], ["one_each"]),
        helper.make_node("Expand", ["one_each", "each"], ["many_each"]),
        helper.make_node("Reshape", ["many_each", "in_a_row"], ["rows"]),
        helper.make_node("Transpose", ["rows"], ["columns"], perm=[0, 2, 1]),
        helper.make_node("RandomNormalLike", ["columns"], ["noise"]),
        helper.make_node("Slice", ["scales", "zero", "one"], ["scale"]),
        helper.make_node("Mul", ["noise", "scale"], ["some_noise"]),
        helper.make_node("Add", ["columns", "some_noise"], ["frames"]),
    ]


def _back(*, with_speaker: bool) -> list[onnx.NodeProto]:
    """Stretched twice, with something that looks far around after each."""
    nodes = [_conv("frames", "pre", taps=7)]
    if with_speaker:
        nodes += [helper.make_node("Add", ["pre", "speaker"], ["pre_said"])]
    at = "pre_said" if with_speaker else "pre"
    for number, stride in enumerate(STRIDES):
        up, far = f"up{number}", f"far{number}"
        nodes += [
            helper.make_node(
                "ConvTranspose",
                [at, f"up{number}_w"],
                [up],
                kernel_shape=[2 * stride],
                strides=[stride],
                pads=[stride // 2, stride // 2],
            ),
            helper.make_node("LeakyRelu", [up], [f"{up}_r"], alpha=0.1),
            _conv(f"{up}_r", far, taps=3, dilation=6),
            helper.make_node("Add", [up, far], [f"sum{number}"]),
        ]
        at = f"sum{number}"
    return [
        *nodes,
        _conv(at, "post", taps=7, weights="post_w"),
        helper.make_node("Tanh", ["post"], ["line"]),
        helper.make_node("Unsqueeze", ["line", "one"], ["output"]),
    ]


def _conv(given: str, made: str, *, taps: int, dilation: int = 1, weights: str = "") -> onnx.NodeProto:
    pad = dilation * (taps - 1) // 2
    return helper.make_node(
        "Conv", [given, weights or f"conv{taps}_w"], [made], kernel_shape=[taps], dilations=[dilation], pads=[pad, pad]
    )


def _weights() -> list[onnx.TensorProto]:
    chance = np.random.default_rng(7)

    def some(name: str, *shape: int) -> onnx.TensorProto:
        values = chance.standard_normal(shape) / np.sqrt(shape[1] * shape[-1])
        return numpy_helper.from_array(values.astype(np.float32), name)

    ups = [some(f"up{number}_w", _CHANNELS, _CHANNELS, 2 * stride) for number, stride in enumerate(STRIDES)]
    told = {"zero": [0], "one": [1], "two": [2], "each": [1, 1, FRAMES, 1], "in_a_row": [1, -1, _CHANNELS]}
    return [
        some("table", _IDS, _CHANNELS),
        some("conv7_w", _CHANNELS, _CHANNELS, 7),
        some("conv3_w", _CHANNELS, _CHANNELS, 3),
        some("post_w", 1, _CHANNELS, 7),
        numpy_helper.from_array(np.ones((1, _CHANNELS, 1), np.float32), "speaker"),
        *ups,
        *(numpy_helper.from_array(np.array(values, np.int64), name) for name, values in told.items()),
    ]
