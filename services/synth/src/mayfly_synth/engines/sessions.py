"""Inference sessions, and how many threads they are worth.

A session that spreads over all cores is slower as soon as two callers speak at a time: one thread for each session, and
as many utterances at a time as there are cores, is the fastest way to speak for many. For one caller who waits for the
first sound it is the other way round: so a voice has a second session, with all cores, where that is worth its memory.
Which kernels are the faster ones on several threads, the voice and the processor decide: both are tried.
"""

from __future__ import annotations

import dataclasses
import math
import time
from typing import TYPE_CHECKING, Any, Final

import onnx
import onnxruntime
from piper.const import BOS, EOS, PAD

from mayfly_synth.engines.blocked import may_gain, put_in_blocks
from mayfly_synth.engines.parted import PartedSession, in_parts
from mayfly_synth.engines.places import Places
from mayfly_synth.engines.tailed import TailedSession, cut_off_tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from piper import PiperVoice

_PROVIDERS: Final = ["CPUExecutionProvider"]
# Below that, handing over to other threads takes what it saves.
_WORTH_SECONDS: Final = 0.005
# A second session costs the memory of the first one. Where two processors are one core's two threads, two of them are
# 1.2 to 1.3 times as fast as one.
_WORTH_FACTOR: Final = 1.15
_TRIES: Final = 3
# Counted in the least of each few tries, so that it takes three times as long at most.
_PATIENCE_SECONDS: Final = 0.6
# A short sentence: about 2 s of speech.
_PHONEMES: Final = 40


def open_session(model: Path) -> Any:
    """An inference session on one thread, or one of two. Blocks.

    Args:
        model: The file.

    Raises:
        google.protobuf.message.DecodeError: If it is not an ONNX model.
    """
    return _opened(model, _options(threads=1, helpers=""), in_blocks=True)


def open_wide_sessions(model: Path, *, threads: int, helpers: str = "") -> Iterator[Any]:
    """Sessions on several threads, each of which may be the fastest one. Blocks.

    Args:
        model: The file.
        threads: How many compute one utterance.
        helpers: Where those besides the first one compute; see `Places.of_helpers`.
    """
    options = _options(threads, helpers)
    yield _opened(model, options, in_blocks=False)
    if may_gain(onnx.load(model), threads=threads):
        yield _opened(model, options, in_blocks=True)


def _opened(model: Path, options: onnxruntime.SessionOptions, *, in_blocks: bool) -> Any:
    whole = onnx.load(model)
    if (parts := in_parts(whole)) is not None:
        del whole  # its parts are copies
        front, back = (_session(part, options, in_blocks=in_blocks) for part in (parts.front, parts.back))
        return PartedSession(front, back, seam=parts.seam)
    if (cut := cut_off_tail(whole)) is not None:
        del whole
        front, tail = (_session(part, options, in_blocks=in_blocks) for part in (cut.front, cut.tail))
        return TailedSession(front, tail, voice=model.stem)
    return _session(whole, options, in_blocks=in_blocks)


def _session(
    model: onnx.ModelProto, options: onnxruntime.SessionOptions, *, in_blocks: bool
) -> onnxruntime.InferenceSession:
    if in_blocks:
        put_in_blocks(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), sess_options=options, providers=_PROVIDERS)
    # It would keep the bytes, to begin anew with other providers: as much memory again as the model's.
    session._model_bytes = None  # noqa: SLF001 # there is no other way to let go of them
    return session


def _options(threads: int, helpers: str) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    if helpers:
        options.add_session_config_entry("session.intra_op_thread_affinities", helpers)
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # The arena saves some time in each inference, and keeps what it has. Utterances are bounded, so it is, too.
    options.enable_cpu_mem_arena = True
    # It would remember a plan of its memory for each length of an utterance, and would never forget one.
    options.enable_mem_pattern = False
    # Threads of one run wait for each other so often that sleeping takes a third of the time. They may spin while a run
    # lasts, and not after it: they would take the cores from the encoder and from other voices.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 3
    return options


def wide_voice(
    piper: PiperVoice,
    model: Path,
    *,
    threads: int,
    places: Places | None = None,
    monotonic: Callable[[], float] = time.perf_counter,
) -> PiperVoice | None:
    """The same voice with a session on so many threads, if that speaks a sentence noticeably sooner.

    On a busy machine it may not, for the moment: threads of one run wait for each other. So all are tried in turn
    until one does, for a while; the least that each of them took is what other work disturbed the least.
    """
    if threads < 2 or (narrow_least := _seconds(piper, monotonic)) < _WORTH_SECONDS:
        return None
    places = places or Places()
    sessions = open_wide_sessions(model, threads=threads, helpers=places.of_helpers(threads))
    wide = [dataclasses.replace(piper, session=session) for session in sessions]
    places.take_first()
    try:
        return _soonest(wide, piper, narrow_least, monotonic)
    finally:
        places.leave()


def _soonest(
    wide: Sequence[PiperVoice], piper: PiperVoice, narrow_least: float, monotonic: Callable[[], float]
) -> PiperVoice | None:
    least, spent = [math.inf] * len(wide), 0.0
    while spent < _PATIENCE_SECONDS:
        took = [_seconds(one, monotonic) for one in wide]
        least = list(map(min, least, took))
        if min(least) * _WORTH_FACTOR <= narrow_least:
            return wide[least.index(min(least))]
        on_narrow = _seconds(piper, monotonic)
        narrow_least = min(narrow_least, on_narrow)
        spent += sum(took) + on_narrow
    return None


def _seconds(piper: PiperVoice, monotonic: Callable[[], float]) -> float:
    """The least of a few tries."""
    known = [phoneme for phoneme in piper.config.phoneme_id_map if phoneme not in (PAD, BOS, EOS)]
    ids = piper.phonemes_to_ids((known * _PHONEMES)[:_PHONEMES])
    took: list[float] = []
    for _ in range(_TRIES):
        began = monotonic()
        piper.phoneme_ids_to_audio(ids)
        took.append(monotonic() - began)
    return min(took)
