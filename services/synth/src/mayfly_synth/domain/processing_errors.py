"""What can go wrong with an audio that somebody sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly_synth.domain.errors import SynthError

if TYPE_CHECKING:
    from datetime import timedelta

ALLOWED = "wav, mp3, m4a, caf, flac, ogg, aiff, webm"


class ProcessingError(SynthError):
    """An audio cannot be processed."""

    debug_input: str | None = None
    """Link to a copy of the input, where the server keeps copies of what fails."""
    debug_output: str | None = None
    """Link to a copy of what came of it so far."""


class InputError(ProcessingError):
    """The audio that was sent, or named, is not taken."""

    field = "chunk"


class AudioUnreadableError(InputError):
    """The bytes are no audio in a container that is taken, or are damaged."""

    def __init__(self, why: str) -> None:
        """Say why.

        Args:
            why: The end of the sentence `The audio cannot be read: ...`; never bytes of the audio.
        """
        super().__init__(f"The audio cannot be read: {why} Taken are {ALLOWED}, told by their content.")
        self.allowed = ALLOWED


class InputTooLargeError(InputError):
    """The input has more bytes than one call takes."""

    def __init__(self, *, size_bytes: int, max_size_bytes: int) -> None:
        super().__init__(
            f"The input has {size_bytes:,} bytes or more, and one call takes {max_size_bytes:,}; send less at a time, "
            "or compress it before."
        )
        self.size_bytes = size_bytes
        self.max_size_bytes = max_size_bytes


class ResultTooLargeError(ProcessingError):
    """The result would be larger than what is kept as one audio."""

    def __init__(self, *, max_size_bytes: int) -> None:
        super().__init__(
            f"The result has more than {max_size_bytes:,} bytes, the most that is kept as one audio; ask for a format "
            "that is smaller (mp3, opus), a lower bit rate, or cut it."
        )
        self.max_size_bytes = max_size_bytes


class InputTooLongError(InputError):
    """The input plays longer, or costs more work, than one call may."""

    def __init__(self, *, max_duration: timedelta, why: str = "") -> None:
        """State the bound.

        Args:
            max_duration: The longest that is taken.
            why: What else is wrong, as a sentence.
        """
        told = why or f"It plays longer than {max_duration}, the most that one call takes; send less at a time."
        super().__init__(f"The audio is too long. {told}")
        self.max_seconds = max_duration.total_seconds()


class NothingLeftError(ProcessingError):
    """Nothing is left after trimming and cutting."""

    def __init__(self) -> None:
        super().__init__("Nothing is left of the audio: it is silent where it was to be kept, or ends before.")


class StreamBrokenError(ProcessingError):
    """The stream of the input ended before its footer, or the footer says something else."""

    def __init__(self, description: str, *, field: str = "footer") -> None:
        super().__init__(f"The input is not complete: {description} Nothing was kept.")
        self.field = field
        self.description = description


class SourceNotFoundError(ProcessingError):
    """No readable audio has the name that was to be processed."""

    def __init__(self, name: str) -> None:
        super().__init__("There is no readable audio of this name: it never was, has expired, or was deleted.")
        self.name = name[:128]


class TranscriberMissingError(ProcessingError):
    """A transcript was asked for, and nobody can make one."""

    setting = "MAYFLY_SYNTH_TRANSCRIBER"
    """What to set."""

    def __init__(self) -> None:
        super().__init__(
            "A transcript was asked for, and this server has no transcriber. Set MAYFLY_SYNTH_TRANSCRIBER to openai, "
            "and MAYFLY_SYNTH_TRANSCRIBER_URL to the address of a server of OpenAI's API; or to pocketsphinx, "
            "with the extra of that name; or ask without `transcribe`."
        )


class TranscriberFailedError(ProcessingError):
    """The transcriber did not answer, or not with a transcript."""

    def __init__(self, why: str, *, retry_after: timedelta) -> None:
        """Say why.

        Args:
            why: A sentence, without anything that the transcriber said.
            retry_after: When it may be worth to try again.
        """
        super().__init__(f"The transcriber failed: {why} Nothing was kept.")
        self.retry_after = retry_after


class ProcessingBusyError(ProcessingError):
    """As many audios are being processed as the server takes at a time."""

    def __init__(self, *, limit: int, retry_after: timedelta) -> None:
        super().__init__(f"The server is busy: it processes {limit} audios, and queues no more. Try again later.")
        self.resource = "processing slots"
        self.limit = limit
        self.retry_after = retry_after


class ScratchFullError(ProcessingError):
    """There is no room for the temporary file that the container needs."""

    def __init__(self, *, needed_bytes: int, retry_after: timedelta) -> None:
        super().__init__(
            f"The server has no room for a temporary file of {needed_bytes:,} bytes. Try again later; the operator "
            "sets MAYFLY_SYNTH_SCRATCH_DIR and MAYFLY_SYNTH_SCRATCH_FALLBACK_DIR."
        )
        self.needed_bytes = needed_bytes
        self.retry_after = retry_after


class ScratchForbiddenError(ProcessingError):
    """The server may not write to its folders for temporary files."""

    setting = "MAYFLY_SYNTH_SCRATCH_DIR"
    """What to set."""

    def __init__(self) -> None:
        super().__init__(
            "The server can write to none of its folders for temporary files, which this audio needs. The operator "
            "sets MAYFLY_SYNTH_SCRATCH_DIR to a folder that it may write to; the server's log has the details."
        )
