"""What can go wrong for a caller. How each looks on the wire is `transport/errors.py`'s business."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from uuid import UUID


class SynthError(Exception):
    """The root of everything that a caller can be told."""

    field: str = ""
    """The field of the request that is at fault, where there is one."""


class TextError(SynthError):
    """The text cannot be spoken."""

    field = "text"
    """The request field that holds the text, in every RPC that takes one."""


class TextEmptyError(TextError):
    """There is nothing to speak."""

    def __init__(self) -> None:
        super().__init__("The text is empty or only white space; give at least one word to speak.")


class TextTooLongError(TextError):
    """The text has more characters than one call takes."""

    def __init__(self, *, characters: int, max_characters: int) -> None:
        super().__init__(
            f"The text has {characters:,} characters, and one call takes at most {max_characters:,}; "
            "split it over several calls."
        )
        self.characters = characters
        self.max_characters = max_characters


class TextUnspeakableError(TextError):
    """The text holds a control character, or nothing that the voice can pronounce."""

    def __init__(self, *, position: int, why: str) -> None:
        """Say where and why.

        Args:
            position: Index of the character at fault, counted in the NFC form from 0.
            why: The end of the sentence `The text cannot be spoken: ...`; never the text itself.
        """
        super().__init__(f"The text cannot be spoken: {why}")
        self.position = position


class SsmlError(TextError):
    """The SSML is not well-formed, or has something that is not taken."""

    def __init__(self, why: str, *, line: int, element: str | None = None, allowed: Sequence[str] = ()) -> None:
        """Say what and where.

        Args:
            why: A sentence without its full stop; never the text itself.
            line: From 1.
            element: The element at fault.
            allowed: What may stand there instead.
        """
        told = f" Allowed: {', '.join(allowed)}." if allowed else ""
        super().__init__(f"Line {line} of the SSML: {why}.{told}")
        self.line = line
        self.element = None if element is None else element[:64]
        self.allowed = ", ".join(allowed) or None


class PhonemesUnknownError(SynthError):
    """The voice has no such phonemes."""

    field = "options.pronunciations"

    def __init__(self, *, voice: str, phonemes: Sequence[str]) -> None:
        shown = " ".join(phonemes[:_MOST_NAMES])
        super().__init__(
            f"The voice {voice} does not know the phonemes {shown}; Phonemize shows those of a text. "
            "Each sign of a pronunciation in [[...]] must be one of them."
        )
        self.voice = voice
        self.phonemes = phonemes


class VoiceUnknownError(SynthError):
    """No loaded voice has this name."""

    def __init__(self, voice: str, *, near: Sequence[str]) -> None:
        hint = f"Did you mean {' or '.join(near)}?" if near else "ListVoices answers all that are loaded."
        super().__init__(f"No voice is named {_quoted(voice)}. {hint}")
        self.voice = voice[:128]
        self.near = ", ".join(near) or None


class SpeakerUnknownError(SynthError):
    """The voice has no such speaker."""

    def __init__(self, *, voice: str, speaker: str, allowed: Sequence[str]) -> None:
        shown = ", ".join(allowed[:_MOST_NAMES]) + (", ..." if len(allowed) > _MOST_NAMES else "")
        told = f"allowed: {shown}" if allowed else "it has one speaker, so leave the field empty"
        super().__init__(f"The voice {voice} has no speaker {_quoted(speaker)}; {told}.")
        self.voice = voice
        self.speaker = speaker[:128]
        self.allowed = shown


class LanguageError(SynthError):
    """The language that was asked for is not that of the voice, or of any voice."""

    field = "options.language_code"

    def __init__(self, language_code: str, *, allowed: Sequence[str], voice: str | None = None) -> None:
        whose = f"The voice {voice} speaks" if voice else "The loaded voices speak"
        super().__init__(f"{whose} {', '.join(allowed)}, and not {_quoted(language_code)}.")
        self.language_code = language_code


class FormatUnknownError(SynthError):
    """The audio format is not one that this release can write."""

    def __init__(self, audio_format: str, *, allowed: Sequence[str], field: str = "options.format") -> None:
        super().__init__(f"This release cannot write {audio_format}; it writes {', '.join(allowed)}.")
        self.format = audio_format
        self.field = field
        self.allowed = ", ".join(allowed)


class AudioTooLargeError(SynthError):
    """The speech is longer than what can be kept as one audio."""

    def __init__(self, *, size_bytes: int, max_size_bytes: int) -> None:
        super().__init__(
            f"The speech has more than {max_size_bytes:,} bytes, the most that is kept as one audio; "
            "speak less at a time, faster, with shorter silences, or as MP3."
        )
        self.size_bytes = size_bytes
        self.max_size_bytes = max_size_bytes


class TooManySegmentsError(SynthError):
    """The text would become more files than one call makes."""

    def __init__(self, *, segments: int, max_segments: int) -> None:
        super().__init__(
            f"The text has {segments} segments, and one call makes at most {max_segments} files; "
            "speak less at a time, or into one file."
        )
        self.segments = segments
        self.max_segments = max_segments


class EncoderFailedError(SynthError):
    """ffmpeg failed on audio that synth itself made."""

    def __init__(self) -> None:
        super().__init__("The audio could not be encoded. The server's log has the details.")


class SpeechBusyError(SynthError):
    """As much speech is waiting as the server queues."""

    def __init__(self, *, max_queued_characters: int, retry_after: timedelta) -> None:
        super().__init__(
            f"The server is busy: the {max_queued_characters:,} characters that it queues are waiting to be spoken. "
            "Try again later."
        )
        self.max_queued_characters = max_queued_characters
        self.retry_after = retry_after


class StorageRefusedError(SynthError):
    """Storage refused the result."""

    def __init__(self, message: str, *, storage_reason: str) -> None:
        super().__init__(message)
        self.storage_reason = storage_reason


class StorageUnavailableError(SynthError):
    """Storage did not answer; nothing was kept."""

    def __init__(self, *, retry_after: timedelta) -> None:
        super().__init__("Storage does not answer at the moment; nothing was kept. Try again.")
        self.retry_after = retry_after


class QuotaExceededError(SynthError):
    """The subject has used up a quota at storage."""

    def __init__(
        self, message: str, *, quota: str, limit: str, used: str, reset_time: str, retry_after: timedelta | None
    ) -> None:
        """Repeat what storage said.

        Args:
            message: Storage's sentence.
            quota: Its name for the quota, e.g. `requests_per_minute`.
            limit: How much the quota allows.
            used: How much is used.
            reset_time: When it is reset, RFC 3339.
            retry_after: How long until then.
        """
        super().__init__(message)
        self.quota = quota
        self.limit = limit
        self.used = used
        self.reset_time = reset_time
        self.retry_after = retry_after


class RequestIdReusedError(SynthError):
    """The request_id was used before, for a different request."""

    def __init__(self, request_id: UUID) -> None:
        super().__init__(f"The request_id {request_id} was used before, for a different request; make a new one.")
        self.request_id = request_id


_MOST_NAMES = 20


def _quoted(name: str) -> str:
    """A name from outside, short and printable, for a message."""
    shown = name if len(name) <= 64 else f"{name[:63]}…"
    return repr(shown)
