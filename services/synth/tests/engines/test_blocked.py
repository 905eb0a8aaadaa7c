"""Convolutions over planes of height one: the same sound, by other kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from mayfly_synth.engines.blocked import may_gain, put_in_blocks

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_CHANNELS = 32
_CHANCE = np.random.default_rng(7)
_LINE = ["batch", _CHANNELS, "time"]


def weights(name: str, *shape: int) -> onnx.TensorProto:
    return numpy_helper.from_array((_CHANCE.standard_normal(shape) / 8).astype(np.float32), name)


def conv(given: str, made: str, *, taps: int = 3, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node("Conv", [given, f"w{taps}", "b"], [made], name=made, kernel_shape=[taps], **attributes)


def saved(folder: Path, nodes: list[onnx.NodeProto], *, opset: int = 17, outputs: tuple[str, ...] = ("y",)) -> Path:
    """A model of some nodes, from `x` to outputs."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, _LINE)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 3) for name in outputs],
        [
            *(weights(f"w{taps}", _CHANNELS, _CHANNELS, taps) for taps in (1, 3, 5)),
            weights("b", _CHANNELS),
            weights("bias", 1, _CHANNELS, 1),
            numpy_helper.from_array(np.float32(3.0), "three"),
        ],
    )
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


def answers(model: bytes, given: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    found: list[NDArray[np.float32]] = onnxruntime.InferenceSession(model).run(None, {"x": given})
    return found


def blocked_bytes(path: Path) -> bytes:
    model = onnx.load(path)
    put_in_blocks(model)
    return model.SerializeToString()


def assert_same(path: Path) -> onnx.ModelProto:
    """Both answer the same for several lengths. Answers the model over planes."""
    blocked = blocked_bytes(path)
    onnx.checker.check_model(blocked, full_check=True)
    for time in (1, 7, 64):
        given = _CHANCE.standard_normal((2, _CHANNELS, time)).astype(np.float32)
        for one, other in zip(answers(path.read_bytes(), given), answers(blocked, given), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    return onnx.load_from_string(blocked)


def names_of(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_a_block_of_a_voice_is_computed_over_planes_from_end_to_end(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        [
            conv("x", "a", pads=[1, 1]),
            helper.make_node("LeakyRelu", ["a"], ["r"], alpha=0.1),
            conv("r", "c", taps=5, dilations=[3], pads=[6, 6]),
            helper.make_node("Add", ["c", "a"], ["sum"]),
            helper.make_node("Div", ["sum", "three"], ["mean"]),
            helper.make_node("Tanh", ["mean"], ["y"]),
        ],
    )

    made = assert_same(path)

    assert names_of(made).count("Squeeze") == 1
    assert [node.output[0] for node in made.graph.node if node.op_type == "Squeeze"] == ["y"]
    convolutions = [node for node in made.graph.node if node.op_type == "Conv"]
    kernels = [each.ints for node in convolutions for each in node.attribute if each.name == "kernel_shape"]
    assert kernels == [[1, 3], [1, 5]]


def test_what_a_block_adds_to_is_taken_as_the_plane_that_it_is_already(tmp_path: Path) -> None:
    nodes = [conv("x", "a", pads=[1, 1]), helper.make_node("Add", ["x", "a"], ["s"]), conv("s", "y", pads=[1, 1])]

    made = assert_same(saved(tmp_path, nodes))

    lines = [node.output[0] for node in made.graph.node if node.op_type == "Squeeze"]
    of_x = [node for node in made.graph.node if node.op_type == "Unsqueeze" and node.input[0] == "x"]
    assert (lines, len(of_x)) == (["y"], 1)


def wide_model(channels: int, *, taps: int = 3, opset: int = 17) -> onnx.ModelProto:
    """A convolution of halved weights, as the shipped voice has them, that makes so many channels."""
    halved = numpy_helper.from_array(np.zeros((channels, _CHANNELS, taps), np.float16), "halved")
    nodes = [
        helper.make_node("Cast", ["halved"], ["w"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[taps], pads=[taps // 2] * 2),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, _LINE)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * 3)]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, [halved])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@pytest.mark.parametrize(
    ("channels", "threads", "may"),
    [(127, 2, False), (128, 2, True), (128, 3, False), (192, 3, True)],
)
def test_several_threads_need_channels_for_each_of_them(channels: int, threads: int, *, may: bool) -> None:
    assert may_gain(wide_model(channels), threads=threads) is may


@pytest.mark.parametrize(
    "model",
    [wide_model(512, taps=1), wide_model(512, opset=12), onnx.ModelProto()],
    ids=["no width", "too old", "nothing"],
)
def test_without_a_convolution_that_can_be_blocked_several_threads_gain_nothing(model: onnx.ModelProto) -> None:
    assert not may_gain(model, threads=2)


def test_how_many_channels_computed_weights_have_is_not_known(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "doubled"], ["y"], name="y", kernel_shape=[3], pads=[1, 1])
    path = saved(tmp_path, [helper.make_node("Concat", ["w3"] * 9, ["doubled"], axis=0), node])

    assert not may_gain(onnx.load(path), threads=2)


def test_what_others_need_as_lines_is_there_as_lines(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        [
            conv("x", "a", strides=[2], pads=[1, 1]),
            helper.make_node("Add", ["a", "bias"], ["biased"]),
            conv("biased", "c", taps=1),
            helper.make_node("Transpose", ["a"], ["t"], perm=[0, 2, 1]),
            helper.make_node("Mul", ["c", "a"], ["y"]),
            helper.make_node("Sub", ["three", "c"], ["z"]),
        ],
        outputs=("y", "t", "z", "a"),
    )

    made = assert_same(path)

    lines = [node.output[0] for node in made.graph.node if node.op_type == "Squeeze"]
    assert sorted(lines) == sorted(set(lines))


def test_what_a_branch_takes_from_around_it_is_there_as_a_line(tmp_path: Path) -> None:
    taking, other = (
        helper.make_graph(
            [helper.make_node(does, [given], [does])],
            does,
            [],
            [helper.make_tensor_value_info(does, TensorProto.FLOAT, [None] * 3)],
        )
        for does, given in (("Tanh", "a"), ("Neg", "x"))
    )
    yes = helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True)))  # noqa: FBT003
    branch = helper.make_node("If", ["yes"], ["y"], then_branch=taking, else_branch=other)

    assert_same(saved(tmp_path, [conv("x", "a", pads=[1, 1]), yes, branch]))


def test_weights_that_are_computed_are_planes_too(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "doubled"], ["y"], name="y", kernel_shape=[3], pads=[1, 1])
    path = saved(tmp_path, [helper.make_node("Mul", ["w3", "three"], ["doubled"]), node])

    assert "Unsqueeze" in names_of(assert_same(path))


@pytest.mark.parametrize("opset", [11, 12])
def test_old_models_stay_as_they_are(tmp_path: Path, opset: int) -> None:
    path = saved(tmp_path, [conv("x", "y", pads=[1, 1])], opset=opset)

    assert names_of(onnx.load_from_string(blocked_bytes(path))) == ["Conv"]


def test_paddings_that_are_not_told_are_left_to_onnx_runtime(tmp_path: Path) -> None:
    path = saved(tmp_path, [conv("x", "y", auto_pad="SAME_UPPER")])

    assert names_of(assert_same(path)) == ["Conv"]


def test_the_shipped_voice_says_the_same_in_the_same_time(voices_dir: Path) -> None:
    path = voices_dir / "en_US-mayfly-low.onnx"
    ids = np.arange(3, 60, dtype=np.int64)[None, :]
    given = {"input": ids, "input_lengths": np.array([57]), "scales": np.array([0.0, 1.0, 0.0], np.float32)}

    stock, blocked = (
        onnxruntime.InferenceSession(model).run(None, given) for model in (str(path), blocked_bytes(path))
    )

    np.testing.assert_array_equal(stock[1], blocked[1])
    # A ten-thousandth of full scale is three steps of 16-bit samples.
    np.testing.assert_allclose(stock[0], blocked[0], atol=1e-3)
