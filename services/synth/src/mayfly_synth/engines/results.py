"""The result of a processing while it grows, and what its header has to say once it is whole."""

from __future__ import annotations

import io

from mayfly_synth.domain.formats import AudioFormat
from mayfly_synth.domain.processing_errors import ResultTooLargeError
from mayfly_synth.engines import flac, mp3, mp3_cuts, mp4, wav


class Result:
    """A file in memory, up to a bound. It is handed out without a copy: half of the bound would be lost to that."""

    __slots__ = ("_file", "_max_bytes")

    def __init__(self, *, max_bytes: int) -> None:
        self._file = io.BytesIO()
        self._max_bytes = max_bytes

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._file.tell()

    def add(self, piece: bytes) -> None:
        """Put a part at the end.

        Raises:
            ResultTooLargeError: If the bound would be passed.
        """
        if self.size + len(piece) > self._max_bytes:
            raise ResultTooLargeError(max_size_bytes=self._max_bytes)
        self._file.write(piece)

    def finished(self, audio_format: AudioFormat, *, samples: int, kept: range) -> bytes:
        """The file with its true length in the header.

        Args:
            audio_format: What it is.
            samples: How many there are of each channel.
            kept: Which of them stay: all, unless the format `is_cuttable`.
        """
        if audio_format is AudioFormat.MP3:
            return _with_info_frame(self._file.getvalue(), samples=samples, kept=kept)
        with self._file.getbuffer() as view:
            start = wav.samples_at(view, samples=samples) if audio_format is AudioFormat.WAV else 0
        if len(kept) < samples:
            self._keep(kept, samples, start=start)
        with self._file.getbuffer() as view:
            _seal(audio_format, view, start=start, samples=len(kept))
        return self._file.getvalue()

    def _keep(self, kept: range, samples: int, *, start: int) -> None:
        """Leave some samples of those that begin at `start`."""
        with self._file.getbuffer() as view:
            each = (len(view) - start) // samples
            end = start + len(kept) * each
            view[start:end] = view[start + kept.start * each : start + kept.stop * each]
        self._file.truncate(end)


def _seal(audio_format: AudioFormat, file: memoryview, *, start: int, samples: int) -> None:
    """Write the true length into the header; ffmpeg leaves it open, as it cannot go back in a pipe.

    Args:
        audio_format: What it is.
        file: Complete.
        start: Where the samples begin, if it is a WAV file.
        samples: How many there are of each channel.
    """
    if audio_format is AudioFormat.WAV:
        wav.state_length(file, start=start)
    elif audio_format is AudioFormat.FLAC:
        flac.state_length(file, samples=max(samples, flac.SHORTEST))
    elif audio_format is AudioFormat.AAC:
        mp4.state_length(file, samples=samples)


def _with_info_frame(file: bytes, *, samples: int, kept: range) -> bytes:
    """Our frame goes between the tag and the first frame of sound."""
    at = mp3.tag_size(file[:10])
    if len(file) < at + 4:
        return file
    first, sound = mp3.FrameHeader.parse(file[at : at + 4]), memoryview(file)[at:]
    frames = mp3_cuts.whole(sound, first) if len(kept) == samples else mp3_cuts.cut(sound, first, kept)
    size = first.info.size + frames.size
    info = mp3.info_frame(first, frames=frames.count, size=size, samples=len(kept), delay=frames.delay)
    return b"".join((file[:at], info, *frames.parts))
