"""A voice whose tail is computed twice, if somebody waits: for the beginning, which is heard, and for the whole.

What stands behind its last convolution (see `tails.py`) may look back as far as it likes, and even to the end, as a
fade does. So whether a beginning that is computed alone is that of the whole is tried: with the first sentence, which
warms the voice; and again whenever somebody has heard one, as the whole follows. The whole is what it always was.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mayfly_synth.engines.graphs import part_of
from mayfly_synth.engines.tails import find_tail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx
    import onnxruntime
    from numpy.typing import NDArray

    from mayfly_synth.engines.listening import Listener

_log = logging.getLogger("mayfly.synth.voices")

_LEAST: Final = 3_200
"""Samples of the beginning: about 0.2 s. As it is computed twice, no more of it than is worth a message."""
_ALIKE: Final = 2e-4
"""How far samples may be from one another. Of full scale, so some 6 steps of 16 bits: 74 dB below it."""
_MORE: Final = 4
"""Frames beside the beginning, besides twice as many as the trial showed to be needed."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A model whose tail is cut off."""

    front: onnx.ModelProto
    """Its first outputs go on to the tail; the others are the whole model's, but its first."""
    tail: onnx.ModelProto


@dataclass(frozen=True, slots=True)
class _Beginnings:
    """What beginnings that are computed alone need."""

    hop: int
    """Samples of a frame."""
    beside: int
    """Frames behind the beginning that are computed with it, and not heard."""


def cut_off_tail(model: onnx.ModelProto) -> Cut | None:
    """A model in two; None if it has none. Takes the memory of the model.

    Args:
        model: Its first output are samples.
    """
    between = find_tail(model)
    if between is None:
        return None
    samples, *others = model.graph.output
    return Cut(
        front=part_of(model, inputs=model.graph.input, outputs=[*between, *others]),
        tail=part_of(model, inputs=between, outputs=[samples]),
    )


class TailedSession:
    """Two sessions that answer as one; what of `InferenceSession` a voice needs."""

    __slots__ = ("_beginnings", "_between", "_front", "_is_tried", "_tail", "_voice")

    def __init__(self, front: onnxruntime.InferenceSession, tail: onnxruntime.InferenceSession, *, voice: str) -> None:
        """Take the sessions of both parts, and what the voice is called."""
        self._front = front
        self._tail = tail
        self._between = [taken.name for taken in tail.get_inputs()]
        self._voice = voice
        self._is_tried = False
        self._beginnings: _Beginnings | None = None

    def get_inputs(self) -> list[Any]:
        """As `InferenceSession.get_inputs`."""
        return list(self._front.get_inputs())

    def get_outputs(self) -> list[Any]:
        """As `InferenceSession.get_outputs`."""
        return [*self._tail.get_outputs(), *self._front.get_outputs()[len(self._between) :]]

    def get_session_options(self) -> onnxruntime.SessionOptions:
        """As `InferenceSession.get_session_options`; both have the same."""
        return self._front.get_session_options()

    def run(
        self, _names: None, inputs: Mapping[str, Any], options: Any = None, *, listener: Listener | None = None
    ) -> list[Any]:
        """As `InferenceSession.run`, all outputs. The first run takes longer.

        Args:
            inputs: What goes into the voice.
            options: Of all runs.
            listener: Hears the beginning as soon as it is there, if that is worth it and delays nobody else.
        """
        made = self._front.run(None, inputs, options)
        frames, others = made[: len(self._between)], made[len(self._between) :]
        heard = self._beginning(frames, options, listener) if listener is not None and listener.is_alone else None
        samples = self._samples(frames, options)
        if heard is not None:
            samples = self._after(heard, samples)
        elif not self._is_tried:
            self._beginnings, self._is_tried = self._tried(frames, samples), True
        return [samples, *others]

    def _samples(self, frames: Sequence[Any], options: Any = None) -> Any:
        [samples] = self._tail.run(None, dict(zip(self._between, frames, strict=True)), options)
        return samples

    def _beginning(self, frames: Sequence[Any], options: Any, listener: Listener) -> NDArray[np.float32] | None:
        """What was heard; None: nothing."""
        known = self._beginnings
        if known is None or not _is_in_step(frames):
            return None
        beginning = listener.beginning(frames[0].shape[-1], least=_LEAST, hop=known.hop, beside=known.beside)
        if not beginning:
            return None
        computed = self._samples(_first(frames, beginning + known.beside), options)
        heard: NDArray[np.float32] = computed[..., : beginning * known.hop]
        listener.hears(heard)
        return heard

    def _after(self, heard: NDArray[np.float32], samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The whole as it was heard."""
        length = heard.shape[-1]
        if _alike(heard, samples[..., :length]) < length:
            self._beginnings = None
            _log.warning("voice_beginning_differs", extra={"voice": self._voice})
        return np.concatenate([heard, samples[..., length:]], axis=-1)

    def _tried(self, frames: Sequence[Any], samples: NDArray[np.float32]) -> _Beginnings | None:
        """What half of an utterance shows; None if it does not begin as the whole does."""
        length = frames[0].shape[-1]
        if length < 4 * _MORE or samples.shape[-1] % length or not _is_in_step(frames):
            return None
        hop, half = samples.shape[-1] // length, length // 2
        alike = _alike(self._samples(_first(frames, half)), samples[..., : half * hop])
        beside = 2 * ceil(half - alike / hop) + _MORE
        return _Beginnings(hop, beside) if 4 * beside <= length else None


def _is_in_step(frames: Sequence[Any]) -> bool:
    return len({each.shape[-1] for each in frames}) == 1


def _first(frames: Sequence[Any], count: int) -> list[Any]:
    return [np.ascontiguousarray(each[..., :count]) for each in frames]


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> int:
    """How many samples they have in common from the beginning on; none if one is longer."""
    if one.shape != other.shape:
        return 0
    differs = np.abs(one - other).max(axis=tuple(range(one.ndim - 1))) > _ALIKE
    return int(differs.argmax()) if differs.any() else differs.size
