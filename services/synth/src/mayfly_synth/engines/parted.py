"""A voice in two sessions: its beginning is heard before its rest is computed.

Up to the seam (see `seams.py`) everything is computed at once: sounds, their lengths, their melody. Behind it most of
the work is, which is done in pieces. A piece is computed with so many frames on either side that its samples are those
of the whole, to within rounding: that is the price, so pieces are few. One is for whoever waits for the first sound;
and what is long is divided, as the memory of a run grows with its length and is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper

from mayfly_synth.engines.graphs import read_by
from mayfly_synth.engines.seams import find_seam

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import onnxruntime
    from numpy.typing import NDArray

    from mayfly_synth.engines.seams import Seam

_LEAST: Final = 8_000
"""Samples of the beginning: about 0.4 s. With less, whoever hears it would wait for the next part of the file."""
_MOST: Final = 200_000
"""Samples of a piece: about 9 s. A voice of Piper's `medium` size needs some 170 MiB for them."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody who hears the beginning of an utterance before the rest of it is there."""

    hears: Callable[[NDArray[np.float32]], None]
    """Called in the thread of the run."""
    share: float
    """Which part of the utterance lasts as long as the rest takes to be computed. From 0 to 1."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A model in two."""

    front: onnx.ModelProto
    """Its first output goes on to the back; the others are the whole model's, but its first."""
    back: onnx.ModelProto
    seam: Seam


def in_parts(model: onnx.ModelProto) -> Parts | None:
    """Cut a model in two; None if it cannot be cut. Takes the memory of the model.

    Args:
        model: Its first output are samples.
    """
    seam = find_seam(model.graph)
    if seam is None:
        return None
    before = [node for node in model.graph.node if node.output[0] not in seam.behind]
    behind = [node for node in model.graph.node if node.output[0] in seam.behind]
    constants = [node for node in before if node.op_type == "Constant"]
    between = helper.make_tensor_value_info(seam.tensor, TensorProto.FLOAT, ["batch", "channels", "frames"])
    samples, *others = model.graph.output
    return Parts(
        front=_part(model, before, inputs=model.graph.input, outputs=[between, *others]),
        back=_part(model, [*constants, *behind], inputs=[between], outputs=[samples]),
        seam=seam,
    )


def _part(
    model: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    *,
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
) -> onnx.ModelProto:
    read = {name for node in nodes for name in read_by(node)}
    graph = helper.make_graph(
        [node for node in nodes if node.op_type != "Constant" or node.output[0] in read],
        model.graph.name,
        inputs,
        outputs,
        [tensor for tensor in model.graph.initializer if tensor.name in read],
    )
    return helper.make_model(
        graph, opset_imports=model.opset_import, ir_version=model.ir_version, functions=model.functions
    )


class PartedSession:
    """Two sessions that answer as one; what of `InferenceSession` a voice needs."""

    __slots__ = ("_back", "_front", "_seam")

    def __init__(self, front: onnxruntime.InferenceSession, back: onnxruntime.InferenceSession, seam: Seam) -> None:
        """Take the sessions of both parts."""
        self._front = front
        self._back = back
        self._seam = seam

    def get_inputs(self) -> list[Any]:
        """As `InferenceSession.get_inputs`."""
        return list(self._front.get_inputs())

    def get_outputs(self) -> list[Any]:
        """As `InferenceSession.get_outputs`."""
        return [*self._back.get_outputs(), *self._front.get_outputs()[1:]]

    def run(
        self, _names: None, inputs: Mapping[str, Any], options: Any = None, *, listener: Listener | None = None
    ) -> list[Any]:
        """As `InferenceSession.run`, all outputs.

        Args:
            inputs: What goes into the voice.
            options: Of both runs.
            listener: Hears the beginning as soon as it is there, if that is worth it.
        """
        frames, *others = self._front.run(None, inputs, options)
        length = frames.shape[-1]
        beginning = self._beginning(length, listener.share) if listener is not None else 0
        pieces: list[Any] = []
        for start, end in [*self._pieces(0, beginning), *self._pieces(beginning, length)]:
            pieces.append(self._samples(frames, options, start=start, end=end))
            if listener is not None and end == beginning:
                listener.hears(np.concatenate(pieces, axis=-1))
        return [np.concatenate(pieces, axis=-1), *others]

    def _pieces(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """As few as may be, equally long."""
        count = ceil((end - start) * self._seam.hop / _MOST)
        return pairwise([start, *(start + (end - start) * number // count for number in range(1, count + 1))])

    def _beginning(self, frames: int, share: float) -> int:
        """Frames of the beginning; 0: it would be little sooner than everything."""
        beginning = ceil(max(_LEAST / self._seam.hop, frames * share))
        return beginning if 2 * (beginning + self._seam.reach) <= frames else 0

    def _samples(self, frames: Any, options: Any, *, start: int, end: int) -> Any:
        """Those of some of the frames, computed with those around them."""
        reach, hop = self._seam.reach, self._seam.hop
        before = min(start, reach)
        taken = np.ascontiguousarray(frames[..., start - before : end + reach])
        [samples] = self._back.run(None, {self._seam.tensor: taken}, options)
        return samples[..., before * hop : (before + end - start) * hop]
