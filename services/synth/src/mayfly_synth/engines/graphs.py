"""What is read, and cut, out of the graph of an ONNX model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import helper

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import onnx


def read_by(node: onnx.NodeProto) -> Iterator[str]:
    """What a node takes, and what its branches take from around them."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from read_by(inner)


def constants_of(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """Tensors that are always the same, by their names."""
    made = {
        node.output[0]: attribute.t
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    return {**made, **{tensor.name: tensor for tensor in graph.initializer}}


def shapes_of(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Shapes of what is always the same, and of what is only made wider or narrower of it, by names."""
    shapes = {name: tuple(tensor.dims) for name, tensor in constants_of(graph).items()}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in shapes:
            shapes[node.output[0]] = shapes[node.input[0]]
    return shapes


def part_of(
    model: onnx.ModelProto, *, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
) -> onnx.ModelProto:
    """A copy of what makes some tensors of others. Time grows with the graph.

    Args:
        model: Its nodes stand in the order of their work, as ONNX demands.
        inputs: What goes into the part.
        outputs: What comes out of it; made of inputs and of what is always the same.
    """
    given = {each.name for each in inputs}
    needed = {each.name for each in outputs}
    nodes: list[onnx.NodeProto] = []
    for node in reversed(model.graph.node):
        if not needed.isdisjoint(node.output):
            nodes.append(node)
            needed.update(name for name in read_by(node) if name not in given)
    weights = [tensor for tensor in model.graph.initializer if tensor.name in needed]
    graph = helper.make_graph(nodes[::-1], model.graph.name, inputs, outputs, weights)
    return helper.make_model(
        graph, opset_imports=model.opset_import, ir_version=model.ir_version, functions=model.functions
    )
