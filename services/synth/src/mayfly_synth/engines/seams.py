"""Where a voice's model may be cut in two, so that the beginning of an utterance is heard before the rest is computed.

The last part of a voice, from its frames to samples, is a stack of convolutions: each sample depends on the frames
around it, and on no others. So it can be computed piece by piece. A model is looked at and not believed by its names:
whatever is between the cut and the samples must be an operation that is known to keep to its place in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from onnx import helper, numpy_helper

from mayfly_synth.engines.graphs import constants_of, read_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx

_UNARY: Final = frozenset(("Elu", "Identity", "LeakyRelu", "Relu", "Sigmoid", "Sin", "Tanh"))
_BINARY: Final = frozenset(("Add", "Div", "Mul", "Pow", "Sub"))
_BEFORE_TIME: Final = range(3)
"""Where a dimension may be added to batch, channels and time, so that time stays the last one."""


@dataclass(frozen=True, slots=True)
class Seam:
    """Where to cut."""

    tensor: str
    """What goes from one part to the other; its last dimension is time, in frames."""
    hop: int
    """Samples of a frame."""
    reach: int
    """How many frames before and after its own a sample depends on, at most."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What a node does to time."""

    spread: Fraction = Fraction(0)
    """How far from its own place it looks. Unit: places of what it takes."""
    factor: int = 1
    """Places that it makes of one."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A tensor in time, seen from the seam."""

    rate: int = 1
    """Its places in a frame."""
    reach: Fraction = Fraction(0)
    """How many frames away it looks."""


def find_seam(graph: onnx.GraphProto) -> Seam | None:
    """The earliest place to cut before the first output; None if there is none. Time grows with the graph.

    Args:
        graph: Its nodes stand in the order of their work, as ONNX demands.
    """
    constants = constants_of(graph)
    steps: list[tuple[onnx.NodeProto, _Step]] = []
    needed, elsewhere = {graph.output[0].name}, {output.name for output in graph.output[1:]}
    found: tuple[int, str] | None = None
    for node in reversed(graph.node):
        if needed.isdisjoint(node.output):
            elsewhere.update(read_by(node))
            continue
        step = _step(node, constants)
        if step is None or not elsewhere.isdisjoint(node.output):
            break
        steps.append((node, step))
        needed = needed.difference(node.output).union(_moving(node, constants))
        if len(needed) == 1:
            found = (len(steps), next(iter(needed)))
    return _seam(found[1], steps[: found[0]][::-1], constants, graph.output[0].name) if found else None


def _seam(
    tensor: str, steps: Sequence[tuple[onnx.NodeProto, _Step]], constants: Mapping[str, onnx.TensorProto], samples: str
) -> Seam | None:
    """Follow time from the seam to the samples; None where paces differ that meet, or nothing becomes of frames."""
    places = {tensor: _Place()}
    for node, step in steps:
        taken = [places[name] for name in _moving(node, constants)]
        if len({place.rate for place in taken}) != 1:
            return None
        rate, reach = taken[0].rate, max(place.reach for place in taken)
        places[node.output[0]] = _Place(rate * step.factor, reach + step.spread / rate)
    last = places[samples]
    if last.rate == 1:
        return None
    return Seam(tensor, last.rate, ceil(last.reach))


def _moving(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> list[str]:
    """What it takes that is not always the same."""
    return [name for name in node.input if name and name not in constants]


def _step(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> _Step | None:
    """What it does to time; None if that is not known."""
    if node.op_type in _UNARY:
        return _Step()
    if node.op_type in _BINARY:
        shapes = [constants[name].dims for name in node.input if name in constants]
        return _Step() if all(not shape or shape[-1] == 1 for shape in shapes) else None
    about = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if any(name not in constants for name in node.input[1:]):
        return None
    if node.op_type == "Unsqueeze":
        axes = numpy_helper.to_array(constants[node.input[1]]) if len(node.input) > 1 else about["axes"]
        return _Step() if all(axis in _BEFORE_TIME for axis in axes) else None
    convolves = {"Conv": _convolved, "ConvTranspose": _stretched}.get(node.op_type)
    return convolves(about) if convolves and len(about.get("kernel_shape", ())) == 1 else None


def _convolved(about: Mapping[str, Any]) -> _Step | None:
    """As long as what it takes."""
    width = (about["kernel_shape"][0] - 1) * about.get("dilations", [1])[0]
    pads = about.get("pads", [0, 0])
    if "auto_pad" in about or about.get("strides", [1])[0] != 1 or sum(pads) != width:
        return None
    return _Step(spread=Fraction(max(pads)))


def _stretched(about: Mapping[str, Any]) -> _Step | None:
    """A whole number of times as long."""
    kernel, stride = about["kernel_shape"][0], about.get("strides", [1])[0]
    before, after = about.get("pads", [0, 0])
    told = {"auto_pad", "output_padding", "output_shape"}.isdisjoint(about) and about.get("dilations", [1])[0] == 1
    if not told or kernel - stride != before + after:
        return None
    return _Step(spread=Fraction(max(kernel - 1 - before, kernel - 1 - after), stride), factor=stride)
