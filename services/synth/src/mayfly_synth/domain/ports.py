"""What speaking needs from the world. Engines and adapters keep these promises."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
    from datetime import timedelta

    from mayfly_synth.domain.call import Call
    from mayfly_synth.domain.formats import Encoding, Meter
    from mayfly_synth.domain.speech import Delivery, Destination, RequestKey, Speech, StoredAudio
    from mayfly_synth.domain.timeline import SpokenSentence
    from mayfly_synth.domain.utterance import Utterance
    from mayfly_synth.domain.voices import Voice

    Heard = Callable[[bytes], None]


class SpeechEngine(Protocol):
    """Speaks single sentences, many at a time, without blocking the event loop."""

    async def speak(
        self, utterance: Utterance, delivery: Delivery, *, call: Call, heard: Heard | None = None
    ) -> SpokenSentence:
        """Speak one utterance, when it is the call's turn.

        Cancelling the awaiting task does not stop a thread that already works; cancelling the call does, at the next
        step. What is answered then is of no use.

        Args:
            utterance: What to say.
            delivery: How to say it.
            call: Whose it is.
            heard: Called in the event loop with the samples of its beginning, if they are there much sooner than the
                rest; at most once, and before this returns. All together takes a little longer then.

        Returns:
            Its sound; empty if nothing in it can be pronounced.
        """

    async def phonemize(self, sentence: str, voice: Voice) -> str:
        """How a voice pronounces a sentence; empty if nothing in it can be pronounced."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A part of a file."""

    data: bytes = field(repr=False)
    heard: timedelta
    """How much of the speech can be heard with everything up to the end of this part."""


class Encoder(Protocol):
    """Makes files out of samples while the samples come."""

    def encode(
        self, pcm: AsyncIterator[bytes], encoding: Encoding, *, sample_rate: int, meter: Meter
    ) -> AsyncGenerator[Encoded, None]:
        """Encode 16-bit little-endian mono samples, in parts of any length.

        Samples are taken as the parts of the file are: who reads slowly, is read to slowly. Closing the generator ends
        everything that was started for it before `aclose` returns.

        Args:
            pcm: The samples.
            encoding: What to make of them.
            sample_rate: Theirs. Unit: hertz.
            meter: Filled in when everything is written.

        Raises:
            EncoderFailedError: If the encoder failed.
        """

    def seal(self, file: bytearray, encoding: Encoding, *, sample_rate: int, samples: int, meter: Meter) -> None:
        """Write the true length into a file that `encode` made, in place, and what else it lacks.

        Args:
            file: All of it.
            encoding: As it was encoded.
            sample_rate: Of the samples that went in. Unit: hertz.
            samples: How many went in.
            meter: As `encode` filled it in.
        """


class AudioSink(Protocol):
    """Keeps finished speech, and counts it before it is made."""

    async def reserve(
        self,
        key: RequestKey,
        destination: Destination,
        *,
        characters: int,
        size_bytes: int,
        part: int = 0,
        is_kept: bool = True,
    ) -> str:
        """Count work for the destination's subject before it is done. Where there is no subject, nothing is counted.

        Args:
            key: Whose request, and which. A retry with the same one counts once.
            destination: Where the result will go, and for whom.
            characters: How many will be spoken.
            size_bytes: A low estimate of the file; what it has beyond is counted when it is stored.
            part: Number of the reservation within the request, where there are several.
            is_kept: Whether an upload will follow, for which the first reservation pays.

        Returns:
            What `store` needs; empty if nothing was counted.

        Raises:
            QuotaExceededError: If there is no room for it.
            RequestIdReusedError: If the key was used for other work.
            StorageRefusedError: If storage refused it for another reason.
            StorageUnavailableError: If storage did not answer.
        """

    async def store(
        self,
        speech: Speech,
        *,
        key: RequestKey,
        destination: Destination,
        reservation: str = "",
        together: Callable[[], Awaitable[None]] | None = None,
    ) -> StoredAudio:
        """Keep the file at its final key, and answer it with a link. All or nothing.

        Idempotent by `key`: the same bytes for the same destination are kept once, however often they are stored.
        `reservation` is what `reserve` answered for this key.

        Where files belong together, `together` is awaited once all bytes of this one have arrived, and nobody can read
        it before that returns. If it raises, nothing is kept. It may be awaited more than once.

        Raises:
            RequestIdReusedError: If something else was kept for the key.
            QuotaExceededError: If the subject may not keep more.
            StorageRefusedError: If storage refused it for another reason.
            StorageUnavailableError: If storage did not answer.
        """


class Slot(Protocol):
    """An admitted piece of work, as a context manager. Leaving it gives everything back that is not done."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def grow(self, characters: int) -> None:
        """Add work to what was admitted. Never refused: a stream that has begun is not broken off."""

    def done(self, characters: int) -> None:
        """Give work back."""


class Admission(Protocol):
    """Bounds how much speech is waiting, in characters."""

    def admit(self, characters: int) -> Slot:
        """Take work in at once, or not at all.

        Raises:
            SpeechBusyError: If too much is waiting.
        """
