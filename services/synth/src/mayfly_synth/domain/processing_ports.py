"""What processing needs from the world. Engines and adapters keep these promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from mayfly_synth.domain.processing import Processed, ProcessingRecord, Steps
    from mayfly_synth.domain.speech import RequestKey


class AudioProcessor(Protocol):
    """Makes one audio of another."""

    async def process(self, source: AsyncIterator[bytes], steps: Steps) -> Processed:
        """Carry out the steps.

        The source is taken as it is needed, and to its end if nothing is wrong. Nothing outlives the call: no process,
        no file. The same bytes and steps make the same bytes.

        Raises:
            AudioUnreadableError: If the source is no audio that is taken.
            InputTooLargeError: If it has too many bytes.
            InputTooLongError: If it plays too long, or costs too much work.
            ResultTooLargeError: If the result has too many bytes.
            NothingLeftError: If nothing is left of it.
            ScratchFullError: If there is no room for a temporary file that is needed.
            ScratchForbiddenError: If none may be written.
            Exception: Whatever the source raises.
        """


class AudioSource(Protocol):
    """Reads audio that storage keeps."""

    def open(self, name: str, *, max_bytes: int) -> AsyncGenerator[bytes, None]:
        """The bytes of an audio, through its link, as they come. To be closed by whoever opens it.

        Raises:
            SourceNotFoundError: If no readable audio has the name.
            InputTooLargeError: If it has more bytes than that.
            StorageRefusedError: If storage refused it.
            StorageUnavailableError: If storage, or the store that the link leads to, did not answer.
        """


class Transcriber(Protocol):
    """Tells what is said."""

    async def transcribe(self, data: bytes, *, content_type: str, file_name: str) -> str:
        """The words of an audio.

        Raises:
            TranscriberFailedError: If there is no answer that makes sense.
        """


class Slots(Protocol):
    """Bounds how many audios are processed at a time."""

    def admit(self) -> AbstractAsyncContextManager[None]:
        """Wait for a place, if not too many wait.

        Raises:
            ProcessingBusyError: If they do.
        """


class Journal(Protocol):
    """Writes down what was processed, for operators."""

    def record(self, record: ProcessingRecord) -> None:
        """One processing has ended."""


class DebugCopies(Protocol):
    """Keeps copies of what was processed, for diagnosis. Never fails: what cannot be kept is logged."""

    async def keep(
        self, kind: str, data: bytes, *, content_type: str, key: RequestKey, subject: str, error: str
    ) -> str | None:
        """Keep one copy.

        Args:
            kind: `debug-input`, `debug-output`, `error-input` or `error-output`.
            data: What to keep.
            content_type: What it is; empty: told by its content, which may be anything.
            key: Whose request it was, and which.
            subject: A pseudonym of whose audio it is; empty for audio of nobody.
            error: The kind of error; empty if there was none.

        Returns:
            Storage's name of the copy, or None.
        """
