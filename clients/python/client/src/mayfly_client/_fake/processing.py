"""A fake processor: WAV is read, cut and trimmed for real; MP3 is silence of the right length."""

from __future__ import annotations

import hashlib
import io
import wave
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from mayfly.storage.v1 import audio_pb2
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1 import voice_pb2

from mayfly_client._fake import sound, speaking
from mayfly_client._fake.refusal import Refusal, invalid
from mayfly_client._fake.shelf import check_request_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_BYTES = 50 * 1024 * 1024
_ALLOWED = "wav, mp3, m4a, caf, flac, ogg, aiff, webm"
_QUIET = 180
"""What is below is silence: -45 dB of full scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What somebody sent, or what storage keeps."""

    data: bytes
    container: str
    pcm: array[int]
    rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A file and what is known of it."""

    data: bytes
    about: audio_pb2.NewAudio


def received(config: pb.ProcessConfig, requests: Iterator[pb.ProcessAudioRequest]) -> bytes:
    """The bytes that follow the config, up to their footer."""
    check_request_id(config.request_id)
    data = bytearray()
    for request in requests:
        if request.HasField("footer"):
            if (request.footer.size_bytes, request.footer.sha256) != (len(data), hashlib.sha256(data).digest()):
                raise _refused("INPUT_INCOMPLETE", "the footer says something else than what came", field="footer")
            return bytes(data)
        data += request.chunk
        if len(data) > MAX_BYTES:
            metadata = {"size_bytes": str(len(data)), "max_size_bytes": str(MAX_BYTES)}
            raise _refused("AUDIO_TOO_LARGE", f"more than {MAX_BYTES:,} bytes", metadata=metadata)
    raise _refused("INPUT_INCOMPLETE", "the stream ended without its footer", field="footer")


def read(data: bytes) -> Source:
    """What the bytes are, by their content."""
    if data.startswith(sound.MP3_FRAME):
        length = data.count(sound.MP3_FRAME) * sound.MP3_FRAME_SECONDS
        return Source(data=data, container="mp3", pcm=array("h", bytes(2 * round(length * 8_000))), rate=8_000)
    try:
        with wave.open(io.BytesIO(data)) as reader:
            frames, channels, width = reader.readframes(reader.getnframes()), reader.getnchannels(), 2
            if reader.getsampwidth() != width:
                raise _unreadable("a fake reads samples of 16 bits")
            pcm = array("h", frames[: len(frames) // width * width])[::channels]
            return Source(data=data, container="wav", pcm=pcm, rate=reader.getframerate())
    except (wave.Error, EOFError) as error:
        raise _unreadable("a fake reads WAV, and the MP3 that it writes") from error


def process(source: Source, config: pb.ProcessConfig) -> Result:
    """Cut, trim and write."""
    pcm = _cut(source, config)
    if _trims(config):
        pcm = _trimmed(pcm)
    if not pcm:
        raise _refused("AUDIO_SILENT", "nothing is left of the audio", field="config")
    mp3 = config.format in (voice_pb2.AUDIO_FORMAT_UNSPECIFIED, voice_pb2.AUDIO_FORMAT_MP3)
    about = audio_pb2.NewAudio(content_type="audio/mpeg" if mp3 else speaking.written_type(config.format))
    about.duration.FromMilliseconds(round(len(pcm) * 1_000 / source.rate))
    length = len(pcm) / source.rate
    return Result(data=sound.silent_mp3(length) if mp3 else sound.wav(pcm.tobytes(), rate=source.rate), about=about)


def labels(source: Source, config: pb.ProcessConfig) -> Mapping[str, str]:
    """Where the result comes from."""
    return {"source": config.source_name or "upload", "source_sha256": hashlib.sha256(source.data).hexdigest()}


def _cut(source: Source, config: pb.ProcessConfig) -> array[int]:
    start, end = config.start_offset.ToTimedelta(), config.end_offset.ToTimedelta()
    if not config.HasField("end_offset"):
        return source.pcm[round(start.total_seconds() * source.rate) :]
    if end <= start:
        raise invalid("config.end_offset", "it must be after start_offset")
    return source.pcm[round(start.total_seconds() * source.rate) : round(end.total_seconds() * source.rate)]


def _trims(config: pb.ProcessConfig) -> bool:
    if config.HasField("trim_silence"):
        return config.trim_silence
    return config.preset == pb.ProcessConfig.PRESET_SPEECH_TO_TEXT


def _trimmed(pcm: array[int]) -> array[int]:
    heard = [at for at, sample in enumerate(pcm) if abs(sample) > _QUIET]
    return pcm[heard[0] : heard[-1] + 1] if heard else pcm[:0]


def _unreadable(why: str) -> Refusal:
    return _refused("AUDIO_UNREADABLE", f"The audio cannot be read: {why}", metadata={"allowed": _ALLOWED})


def _refused(reason: str, message: str, *, metadata: Mapping[str, str] | None = None, field: str = "chunk") -> Refusal:
    return Refusal(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason=reason,
        message=message,
        metadata=metadata or {},
        fields={field: message},
    )
