"""Process an audio, keep the result, answer it with a link: admit -> count -> process -> transcribe -> keep."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_synth.domain.processing import ProcessingRecord, Received
from mayfly_synth.domain.processing_errors import ProcessingError, TranscriberMissingError
from mayfly_synth.domain.speech import Speech
from mayfly_synth.domain.voices import Voice

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from mayfly_synth.domain.ports import AudioSink
    from mayfly_synth.domain.processing import Processed, ProcessingLimits, Steps
    from mayfly_synth.domain.processing_ports import AudioProcessor, AudioSource, Journal, Slots, Transcriber
    from mayfly_synth.domain.speech import Destination, RequestKey, StoredAudio
    from mayfly_synth.usecases.copying import Copies, Copying

_MOST_LABELS: Final = 16
"""Storage keeps no more."""
_LONGEST_LABEL: Final = 256

_log = logging.getLogger("mayfly.synth.process")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessCommand:
    """What to do with an audio, and where the result goes."""

    key: RequestKey
    steps: Steps
    destination: Destination
    source_name: str = ""
    """A stored audio; empty: the bytes come with the request."""
    preset: str = ""
    """For the labels of the result."""
    transcribe: bool = False
    received: Received = field(default_factory=Received, compare=False)
    """What came with the request so far; or of the stored audio, as it is read."""


@dataclass(frozen=True, slots=True)
class KeptAudio:
    """The answer: what was made, where it is, what is said in it."""

    processed: Processed
    audio: StoredAudio
    transcript: str
    processing_time: timedelta
    debug_names: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessAudio:
    """Idempotent by the command's key: the same bytes and steps make the same bytes, which storage keeps once."""

    processor: AudioProcessor
    sink: AudioSink
    source: AudioSource
    slots: Slots
    journal: Journal
    copying: Copying
    limits: ProcessingLimits
    pseudonym: Callable[[Destination], str]
    """Who a subject is to operators: nobody, but the same nobody all day."""
    monotonic: Callable[[], float]
    transcriber: Transcriber | None = None

    async def __call__(self, command: ProcessCommand, chunks: AsyncGenerator[bytes, None]) -> KeptAudio:
        """Process and keep. Nothing is kept unless this returns.

        Args:
            command: What to do.
            chunks: The input; not touched where a stored audio is meant.

        Raises:
            SynthError: What is wrong with the input, the steps or the destination, or that the server is busy.
        """
        if command.transcribe and self.transcriber is None:
            raise TranscriberMissingError
        began, taken = self.monotonic(), _Taken(command, copies=self.copying.copies_of(command.key))
        outcome = "cancelled"
        try:
            kept = await self._kept(command, chunks, taken, began)
        except ProcessingError as error:
            outcome = type(error).__name__.removesuffix("Error")
            taken.processing_time = self._since(began)
            await self.copying.after_error(taken.copies, error, subject=self.pseudonym(command.destination))
            raise
        except Exception as error:
            outcome = type(error).__name__.removesuffix("Error")
            raise
        else:
            outcome = "ok"
            return kept
        finally:
            taken.processing_time = self._since(began)
            self.journal.record(self._record(command, taken, outcome))

    async def _kept(
        self, command: ProcessCommand, chunks: AsyncGenerator[bytes, None], taken: _Taken, began: float
    ) -> KeptAudio:
        async with self.slots.admit():
            # Whoever is refused for want of a place has nothing counted.
            reservation = await self.sink.reserve(command.key, command.destination, characters=0, size_bytes=0)
            async with aclosing(self._input(command, chunks)) as source, aclosing(taken.counted(source)) as counted:
                processed = await self.processor.process(counted, command.steps)
        taken.processed = processed
        taken.copies.output(processed)
        transcript = await self._transcript(command, processed)
        audio = await self.sink.store(
            _unspoken(processed), key=command.key, destination=_labelled(command, processed), reservation=reservation
        )
        _log.info("direct_upload", extra={"audio": audio.name, "size_bytes": audio.size_bytes})
        names = await self.copying.after_success(taken.copies, subject=self.pseudonym(command.destination))
        return KeptAudio(processed, audio, transcript, self._since(began), names)

    def _input(self, command: ProcessCommand, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        if command.source_name:
            return self.source.open(command.source_name, max_bytes=self.limits.max_input_bytes)
        return chunks

    async def _transcript(self, command: ProcessCommand, processed: Processed) -> str:
        if not command.transcribe or self.transcriber is None:
            return ""
        return await self.transcriber.transcribe(
            processed.data,
            content_type=processed.format.content_type,
            file_name=f"audio.{processed.format.extension}",
        )

    def _since(self, began: float) -> timedelta:
        return timedelta(seconds=self.monotonic() - began)

    def _record(self, command: ProcessCommand, taken: _Taken, outcome: str) -> ProcessingRecord:
        processed = taken.processed
        return ProcessingRecord(
            outcome=outcome,
            input_size=command.received.size,
            output_size=len(processed.data) if processed else 0,
            processing_time=taken.processing_time,
            audio_duration=processed.duration if processed else timedelta(),
            container=processed.source.value if processed else "",
            format=command.steps.format.value,
            subject=self.pseudonym(command.destination),
        )


@dataclass(slots=True)
class _Taken:
    """What one call has taken and made so far."""

    command: ProcessCommand
    copies: Copies
    processed: Processed | None = None
    processing_time: timedelta = timedelta()

    async def counted(self, source: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        async for piece in source:
            if self.command.source_name:
                self.command.received.add(piece)
            self.copies.input(piece)
            yield piece


# A sink keeps files of speech; this is whose voice is in one that was sent.
_NOBODY: Final = Voice(name="", language_code="", language="", quality="", sample_rate=0)


def _unspoken(processed: Processed) -> Speech:
    """A file that no voice of ours spoke."""
    return Speech(
        data=processed.data,
        format=processed.format,
        voice=_NOBODY,
        duration=processed.duration,
        segments=(),
        text="",
    )


def _labelled(command: ProcessCommand, processed: Processed) -> Destination:
    """The writer's own notes, and where the result comes from as far as there is room for more."""
    about = {
        "source": command.source_name or "upload",
        "source_sha256": command.received.sha256.hex(),
        "source_size_bytes": str(processed.source_size_bytes),
        "source_content_type": processed.source.content_type,
        **({"preset": command.preset} if command.preset else {}),
    }
    labels = dict(command.destination.labels)
    for name, value in about.items():
        if len(labels) < _MOST_LABELS:
            labels.setdefault(name, value[:_LONGEST_LABEL])
    return replace(command.destination, labels=tuple(sorted(labels.items())))
