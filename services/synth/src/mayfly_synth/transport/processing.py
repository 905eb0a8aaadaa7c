"""Requests to process audio: the config, the bytes that follow it, and the footer that ends them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly.synth.v1 import synth_service_pb2 as pb

from mayfly_runtime.violations import Violations
from mayfly_synth.domain.formats import AudioFormat
from mayfly_synth.domain.processing import Steps
from mayfly_synth.domain.processing_errors import StreamBrokenError
from mayfly_synth.domain.speech import RequestKey
from mayfly_synth.transport import fields, sound
from mayfly_synth.transport.requests import destination_of, no_config
from mayfly_synth.usecases.process import ProcessCommand

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from google.protobuf.duration_pb2 import Duration

    from mayfly_synth.domain.processing import Received

MOST_CHUNK: Final = 65_536
_LONGEST: Final = timedelta(days=1)
_LONGEST_NAME: Final = 128
_SHA256: Final = 32

_WITHOUT_HEADER: Final = (AudioFormat.PCM, AudioFormat.MULAW, AudioFormat.ALAW)

_PRESETS: Final = {
    pb.ProcessConfig.PRESET_UNSPECIFIED: ("", Steps()),
    pb.ProcessConfig.PRESET_SPEECH_TO_TEXT: (
        "speech-to-text",
        Steps(format=AudioFormat.MP3, trim_silence=True, sample_rate=16_000, mono=True),
    ),
    pb.ProcessConfig.PRESET_TRANSCODED: ("transcoded", Steps(format=AudioFormat.MP3)),
}


async def process(
    requests: AsyncIterator[pb.ProcessAudioRequest], *, caller: str
) -> tuple[ProcessCommand, AsyncGenerator[bytes, None]]:
    """The command that begins a stream, and the bytes that follow it."""
    messages = aiter(requests)
    first = await anext(messages, None)
    if first is None or not first.HasField("config"):
        raise no_config()
    found = Violations()
    command = _command(found, first.config, caller)
    found.raise_if_any()
    if command.source_name:
        await _refuse_bytes(messages)
    return command, _bytes(messages, command.received)


def _command(found: Violations, config: pb.ProcessConfig, caller: str) -> ProcessCommand:
    name = config.source_name
    found.require(len(name) <= _LONGEST_NAME, "config.source_name", f"at most {_LONGEST_NAME} characters are allowed")
    found.require(config.preset in _PRESETS, "config.preset", "this release does not know this preset")
    preset, preset_steps = _PRESETS.get(config.preset, ("", Steps()))
    steps = _steps(found, config, preset_steps)
    has_header = steps.format not in _WITHOUT_HEADER
    found.require(
        has_header or not config.transcribe, "config.transcribe", "a transcriber needs a format with a header; take wav"
    )
    return ProcessCommand(
        key=RequestKey(caller=caller, request_id=fields.request_id(found, "config.request_id", config.request_id)),
        steps=steps,
        destination=destination_of(found, "config.destination", config.destination),
        source_name=name,
        preset=preset,
        transcribe=config.transcribe,
    )


def _steps(found: Violations, config: pb.ProcessConfig, preset: Steps) -> Steps:
    chosen = sound.audio_format(config.format, field="config.format", default=preset.format)
    start, end = _cut(found, config)
    rate = sound.sample_rate(found, "config.sample_rate_hertz", config.sample_rate_hertz, chosen)
    if rate is None and preset.sample_rate is not None:
        rate = chosen.nearest_rate(preset.sample_rate)
    loudness = None
    if config.HasField("loudness_lufs"):
        loudness = fields.number(found, "config.loudness_lufs", config.loudness_lufs, least=-70.0, most=-5.0)
    return Steps(
        format=chosen,
        trim_silence=config.trim_silence if config.HasField("trim_silence") else preset.trim_silence,
        start=start,
        end=end,
        sample_rate=rate,
        mono=config.mono if config.HasField("mono") else preset.mono,
        bit_rate=sound.bit_rate(found, "config.bit_rate_bps", config.bit_rate_bps, chosen),
        loudness_lufs=loudness,
    )


def _cut(found: Violations, config: pb.ProcessConfig) -> tuple[timedelta, timedelta | None]:
    start, end = timedelta(), None
    if config.HasField("start_offset"):
        start = _offset(found, "config.start_offset", config.start_offset)
    if config.HasField("end_offset"):
        end = _offset(found, "config.end_offset", config.end_offset)
        found.require(end > start, "config.end_offset", "it must be after start_offset")
    return start, end


def _offset(found: Violations, field: str, value: Duration) -> timedelta:
    return fields.length(found, field, value, least=timedelta(), most=_LONGEST)


async def _refuse_bytes(messages: AsyncIterator[pb.ProcessAudioRequest]) -> None:
    """A request that names a stored audio has nothing to add."""
    if await anext(messages, None) is not None:
        found = Violations()
        found.add("config.source_name", "a stored audio is named, and bytes are sent: do one of the two")
        found.raise_if_any()


async def _bytes(messages: AsyncIterator[pb.ProcessAudioRequest], received: Received) -> AsyncGenerator[bytes, None]:
    """The chunks, up to the footer that says that these were all."""
    async for message in messages:
        if message.HasField("footer"):
            _check(message.footer, received)
            if await anext(messages, None) is not None:
                raise StreamBrokenError("messages follow the footer.")
            return
        found = Violations()
        if found.require(message.HasField("chunk"), "chunk", "only the first message is the config"):
            found.require(0 < len(message.chunk) <= MOST_CHUNK, "chunk", f"1 to {MOST_CHUNK:,} bytes are allowed")
        found.raise_if_any()
        received.add(message.chunk)
        yield message.chunk
    raise StreamBrokenError("the stream ended without its footer.")


def _check(footer: pb.ProcessFooter, received: Received) -> None:
    if footer.size_bytes != received.size:
        raise StreamBrokenError(
            f"the footer says {footer.size_bytes:,} bytes, and {received.size:,} came.", field="footer.size_bytes"
        )
    if footer.sha256 and len(footer.sha256) != _SHA256:
        raise StreamBrokenError("a SHA-256 has 32 bytes.", field="footer.sha256")
    if footer.sha256 and footer.sha256 != received.sha256:
        raise StreamBrokenError("the SHA-256 of what came is another one.", field="footer.sha256")
