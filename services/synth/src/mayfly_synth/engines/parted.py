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
from onnx import TensorProto, helper

from mayfly_synth.engines.graphs import part_of
from mayfly_synth.engines.seams import find_seam

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx
    import onnxruntime

    from mayfly_synth.engines.listening import Listener
    from mayfly_synth.engines.seams import Seam

_LEAST: Final = 8_000
"""Samples of the beginning: about 0.4 s. With less, whoever hears it would wait for the next part of the file."""
_MOST: Final = 100_000
"""Samples of a piece: about 4.5 s. A voice of Piper's `medium` size needs some 85 MiB for them."""


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
    between = helper.make_tensor_value_info(seam.tensor, TensorProto.FLOAT, ["batch", "channels", "frames"])
    samples, *others = model.graph.output
    return Parts(
        front=part_of(model, inputs=model.graph.input, outputs=[between, *others]),
        back=part_of(model, inputs=[between], outputs=[samples]),
        seam=seam,
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

    def get_session_options(self) -> onnxruntime.SessionOptions:
        """As `InferenceSession.get_session_options`; both have the same."""
        return self._front.get_session_options()

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
        beginning = self._beginning(length, listener) if listener is not None else 0
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

    def _beginning(self, length: int, listener: Listener) -> int:
        return listener.beginning(length, least=_LEAST, hop=self._seam.hop, beside=self._seam.reach)

    def _samples(self, frames: Any, options: Any, *, start: int, end: int) -> Any:
        """Those of some of the frames, computed with those around them."""
        reach, hop = self._seam.reach, self._seam.hop
        before = min(start, reach)
        taken = np.ascontiguousarray(frames[..., start - before : end + reach])
        [samples] = self._back.run(None, {self._seam.tensor: taken}, options)
        return samples[..., before * hop : (before + end - start) * hop]
