"""Requests to process audio from plain arguments.

Only what cannot be expressed is refused here; the server validates the rest.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from mayfly.synth.v1 import synth_service_pb2 as pb

from mayfly_client._argument_error import ArgumentError
from mayfly_client._formats import format_value
from mayfly_client._options import ProcessOptions, refuse_unknown
from mayfly_client._request_ids import request_id_or_new
from mayfly_client._requests_synth import destination
from mayfly_client._times import duration

if TYPE_CHECKING:
    from mayfly_client._bodies import Progress

CHUNK_BYTES = 65_536
"""The most bytes in one message of a stream."""

PRESETS = {
    "speech-to-text": pb.ProcessConfig.PRESET_SPEECH_TO_TEXT,
    "transcoded": pb.ProcessConfig.PRESET_TRANSCODED,
}

_STORED = "audio/"


def process_config(source: bytes | Path | str, given: ProcessOptions, *, request_id: str | None) -> pb.ProcessConfig:
    """What to do with a source."""
    refuse_unknown("process_audio", given, ProcessOptions)
    return pb.ProcessConfig(
        request_id=request_id_or_new(request_id),
        source_name=_stored_name(source),
        preset=_preset(given.get("preset")),
        format=format_value(given.get("format")),
        trim_silence=given.get("trim_silence"),
        start_offset=duration(given.get("start")),
        end_offset=duration(given.get("end")),
        sample_rate_hertz=given.get("sample_rate_hertz") or 0,
        mono=given.get("mono"),
        loudness_lufs=given.get("loudness_lufs"),
        bit_rate_bps=given.get("bit_rate_bps") or 0,
        transcribe=given.get("transcribe", False),
        destination=destination(given),
    )


class ProcessMessages:
    """Turns pieces into messages, and counts them, so that the last one can say that they were all."""

    def __init__(self, source: bytes | Path, progress: Progress | None) -> None:
        self._digest = hashlib.sha256()
        self._size = 0
        self._total = source.stat().st_size if isinstance(source, Path) else len(source)
        self._progress = progress

    def chunks(self, piece: bytes) -> list[pb.ProcessAudioRequest]:
        """Messages for the next piece, of any length."""
        self._digest.update(piece)
        self._size += len(piece)
        if self._progress is not None:
            self._progress(self._size, self._total)
        return [
            pb.ProcessAudioRequest(chunk=piece[start : start + CHUNK_BYTES])
            for start in range(0, len(piece), CHUNK_BYTES)
        ]

    def footer(self) -> pb.ProcessAudioRequest:
        """The last message."""
        return pb.ProcessAudioRequest(footer=pb.ProcessFooter(size_bytes=self._size, sha256=self._digest.digest()))


def _stored_name(source: bytes | Path | str) -> str:
    """The name of a stored audio; empty for bytes that are sent."""
    if not isinstance(source, str):
        return ""
    if not source.startswith(_STORED):
        raise ArgumentError(f"{source!r} is no name of a stored audio; for a file, pass a pathlib.Path")
    return source


def _preset(name: str | None) -> pb.ProcessConfig.Preset.ValueType:
    if name is None:
        return pb.ProcessConfig.PRESET_UNSPECIFIED
    if name not in PRESETS:
        raise ArgumentError(f"preset {name!r} is unknown; use one of {', '.join(PRESETS)}")
    return PRESETS[name]
