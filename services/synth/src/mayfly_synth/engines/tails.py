"""Where a voice's sound is made that no convolution makes: out of spectra and pulses, with sums over all that was.

Such a voice ends in convolutions, too, but what they tell are parameters of a sound: its pitch, its spectrum. Behind
the last one of them, all is arithmetic, which can be computed for the beginning alone. Whether that begins as the whole
does, the graph does not tell: see `tailed.py`, where it is tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onnx import TensorProto, helper, shape_inference

from mayfly_synth.engines.graphs import constants_of, read_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import onnx

_CONVOLUTIONS: Final = frozenset(("Conv", "ConvTranspose"))
_WORK: Final = frozenset(("DFT", "Gemm", "MatMul", "STFT"))
"""Without any of these behind the last convolution, there is next to nothing to do there."""
_BY_CHANCE: Final = frozenset(
    ("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
)


def find_tail(model: onnx.ModelProto) -> list[onnx.ValueInfoProto] | None:
    """What goes into the tail of a model, what the last convolution makes first; None if there is no such tail.

    Time grows with the graph.

    Args:
        model: Its first output are samples.
    """
    frames = [node.output[0] for node in model.graph.node if node.op_type in _CONVOLUTIONS][-1:]
    tail = list(_made_of(frames, model.graph))
    made = {name for node in tail for name in node.output}
    works = {node.op_type for node in tail}
    samples, *others = (output.name for output in model.graph.output)
    if samples not in made or made.intersection(others) or works & _BY_CHANCE or works.isdisjoint(_WORK):
        return None
    known = made | _always_the_same(model.graph)
    taken = dict.fromkeys([*frames, *(name for node in tail for name in read_by(node) if name not in known)])
    return _in_time(model, list(taken))


def _made_of(names: Iterable[str], graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Nodes that need any of these."""
    made = set(names)
    for node in graph.node:
        if not made.isdisjoint(read_by(node)):
            made.update(node.output)
            yield node


def _always_the_same(graph: onnx.GraphProto) -> set[str]:
    """Tensors that are made of nothing that goes into the model; and "", which stands for none."""
    same = {"", *constants_of(graph)}
    for node in graph.node:
        if node.op_type not in _BY_CHANCE and same.issuperset(read_by(node)):
            same.update(node.output)
    return same


def _in_time(model: onnx.ModelProto, names: Sequence[str]) -> list[onnx.ValueInfoProto] | None:
    """Descriptions of tensors; None if any is not made of floats, or has no time, which is the last dimension."""
    inferred = shape_inference.infer_shapes(model).graph
    types = {each.name: each.type.tensor_type for each in (*inferred.value_info, *inferred.input)}
    shapes = [types[name].shape.dim if name in types else () for name in names]
    if any(not shape or shape[-1].HasField("dim_value") for shape in shapes):
        return None
    if any(types[name].elem_type != TensorProto.FLOAT for name in names):
        return None
    return [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * len(shape))
        for name, shape in zip(names, shapes, strict=True)
    ]
