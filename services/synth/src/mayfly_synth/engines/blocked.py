"""Models as ONNX Runtime computes them fastest.

Voices convolve over time: one dimension. ONNX Runtime has its fast kernels, which keep 8 or 16 channels side by side as
the processor's registers do, for two dimensions only; for one it copies each sample as often as the kernel is wide, and
multiplies matrices. A plane of height one is the same sum of the same products, so convolutions are written as such,
and what stands between them follows: 12 % less time for a voice of Piper's `medium` size, to within rounding.

Those kernels are divided among threads by height and by channels. So on several threads it is the other way round for
voices of few channels, such as those of Piper's training package, and depends on the processor for others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mayfly_synth.engines.graphs import constants_of, read_by, shapes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LEAST_OPSET: Final = 13
"""Since when Unsqueeze takes its axes as an input."""
_AXIS: Final = 2
"""Behind batch and channels: the height."""
_CHANNELS_OF_A_THREAD: Final = 64
"""ONNX Runtime hands out four blocks at a time, of up to 16 channels each."""
_AXES: Final = "mayfly/axes"
_PLANE: Final = "mayfly/plane/"
_UNARY: Final = frozenset(("LeakyRelu", "Relu", "Sigmoid", "Tanh"))
_BINARY: Final = frozenset(("Add", "Div", "Mul", "Sub"))


def may_gain(model: onnx.ModelProto, *, threads: int) -> bool:
    """Whether its convolutions over planes may be faster on several threads. Time grows with its graph."""
    return _can_be_blocked(model) and _channels(model.graph) >= threads * _CHANNELS_OF_A_THREAD


def put_in_blocks(model: onnx.ModelProto) -> None:
    """Write a model's convolutions as such over planes. Blocks; time grows with its graph."""
    if _can_be_blocked(model):
        nodes = _Planes(model.graph).nodes()
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        model.graph.initializer.append(numpy_helper.from_array(np.array([_AXIS], np.int64), _AXES))


def _can_be_blocked(model: onnx.ModelProto) -> bool:
    opset = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)
    return opset >= _LEAST_OPSET


class _Planes:
    """One pass over a graph, whose nodes stand in the order of their work."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._nodes: list[onnx.NodeProto] = []
        self._planes: dict[str, str] = {}
        """Tensors that are there as planes, by what they are called as lines."""
        self._only_planes: set[str] = set()
        """Those of them that are not there as lines."""
        self._scalars = {name for name, tensor in constants_of(graph).items() if not tensor.dims}

    def nodes(self) -> list[onnx.NodeProto]:
        """The nodes of the same graph, over planes where that is faster."""
        for node in self._graph.node:
            if _is_convolution(node):
                self._convolve(node)
            elif self._follows(node):
                self._add_over_planes(node, {name: self._planes.get(name, name) for name in node.input})
            else:
                self._needs_lines(read_by(node))
                self._nodes.append(node)
        self._needs_lines(output.name for output in self._graph.output)
        return self._nodes

    def _convolve(self, node: onnx.NodeProto) -> None:
        # The weights may be the result of other nodes; ONNX Runtime does once, as it loads, what is always the same.
        weights = {node.input[1]: self._plane(node.input[1])}
        self._add_over_planes(node, {**weights, node.input[0]: self._plane(node.input[0])})
        flat = self._nodes[-1]
        attributes = [_over_plane(attribute) for attribute in flat.attribute]
        del flat.attribute[:]
        flat.attribute.extend(attributes)

    def _follows(self, node: onnx.NodeProto) -> bool:
        """Whether it takes each sample by itself, of nothing but what is there as planes already."""
        if node.op_type in _UNARY:
            return node.input[0] in self._only_planes
        return (
            node.op_type in _BINARY
            and not self._only_planes.isdisjoint(node.input)
            and all(name in self._planes or name in self._scalars for name in node.input)
        )

    def _add_over_planes(self, node: onnx.NodeProto, planes: Mapping[str, str]) -> None:
        made = onnx.NodeProto()
        made.CopyFrom(node)
        output = node.output[0]
        made.input[:] = [planes.get(name, name) for name in node.input]
        made.output[0] = self._planes[output] = _PLANE + output
        self._only_planes.add(output)
        self._nodes.append(made)

    def _plane(self, name: str) -> str:
        if name not in self._planes:
            self._planes[name] = plane = _PLANE + name
            self._nodes.append(helper.make_node("Unsqueeze", [name, _AXES], [plane], name=plane))
        return self._planes[name]

    def _needs_lines(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._only_planes:
                self._only_planes.discard(name)
                plane = self._planes[name]
                self._nodes.append(helper.make_node("Squeeze", [plane, _AXES], [name], name=f"{plane}/line"))


def _channels(graph: onnx.GraphProto) -> int:
    """The fewest that a convolution makes which looks around itself; 0 if that of one is not known."""
    shapes = shapes_of(graph)
    weights = [shapes.get(node.input[1], (0,)) for node in graph.node if _is_convolution(node)]
    return min((shape[0] for shape in weights if shape[-1] != 1), default=0)


def _is_convolution(node: onnx.NodeProto) -> bool:
    """Over one dimension, with paddings that are told."""
    known = {attribute.name: attribute for attribute in node.attribute}
    return (
        node.op_type == "Conv"
        and "auto_pad" not in known
        and "kernel_shape" in known
        and len(known["kernel_shape"].ints) == 1
    )


def _over_plane(attribute: onnx.AttributeProto) -> onnx.AttributeProto:
    """The same over a height of one: nothing before it and nothing behind."""
    values = list(attribute.ints)
    if attribute.name == "pads":
        return helper.make_attribute("pads", [0, values[0], 0, values[1]])
    if attribute.name in ("kernel_shape", "strides", "dilations"):
        return helper.make_attribute(attribute.name, [1, *values])
    return attribute
