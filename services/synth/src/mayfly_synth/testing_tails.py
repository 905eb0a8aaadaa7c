"""A voice for tests that makes its sound behind its last convolution: of phases, which are sums over all that was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from mayfly_synth.testing_voices import HOP, voice_model

if TYPE_CHECKING:
    import onnx

_CHANNELS: Final = 8


def tailed_voice_model(*, tail: list[onnx.NodeProto] | None = None) -> onnx.ModelProto:
    """The model: the front of `voice_model` and one convolution, then arithmetic that fades out at the end.

    Args:
        tail: What makes `output` of `faded`, whose shape is that of samples. Default: nothing.
    """
    model = voice_model()
    front = model.graph.node[: [node.output[0] for node in model.graph.node].index("pre") + 1]
    nodes = [*front, *_sound(), *_fade(), *(tail or [helper.make_node("Identity", ["faded"], ["output"])])]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(_weights())
    return model


def _sound() -> list[onnx.NodeProto]:
    """Frames of sines."""
    return [
        helper.make_node("Transpose", ["pre"], ["steps"], perm=[0, 2, 1]),
        helper.make_node("CumSum", ["steps", "one_scalar"], ["phases"]),
        helper.make_node("Sin", ["phases"], ["sines"]),
        helper.make_node("MatMul", ["sines", "grains"], ["grained"]),
        helper.make_node("Reshape", ["grained", "as_samples"], ["sound"]),
    ]


def _fade() -> list[onnx.NodeProto]:
    """Over the last frame; so those samples depend on where the end is."""
    return [
        helper.make_node("Shape", ["sound"], ["shape"]),
        helper.make_node("Gather", ["shape", "last"], ["length"]),
        helper.make_node("Range", ["zero_scalar", "length", "one_scalar"], ["at"]),
        helper.make_node("Sub", ["length", "at"], ["left"]),
        helper.make_node("Cast", ["left"], ["left_over"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["left_over", "hop"], ["frames_left"]),
        helper.make_node("Clip", ["frames_left", "nothing", "everything"], ["fade"]),
        helper.make_node("Mul", ["sound", "fade"], ["faded"]),
    ]


def _weights() -> list[onnx.TensorProto]:
    grains = np.random.default_rng(3).standard_normal((_CHANNELS, HOP)).astype(np.float32) / 16
    told: dict[str, Any] = {
        "grains": grains,
        "as_samples": np.array([1, 1, 1, -1], np.int64),
        "zero_scalar": np.array(0, np.int64),
        "one_scalar": np.array(1, np.int64),
        "last": np.array(3, np.int64),
        "hop": np.array(HOP, np.float32),
        "nothing": np.array(0, np.float32),
        "everything": np.array(1, np.float32),
    }
    return [numpy_helper.from_array(values, name) for name, values in told.items()]
