"""Client's calls of synth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from mayfly_client import _answers_synth as answers
from mayfly_client import _requests_synth as requests
from mayfly_client._outgoing import SyncOutgoing, blaming
from mayfly_client._sync_connection import SyncConnection

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from mayfly.synth.v1 import synth_service_pb2 as pb

    from mayfly_client._options import SpeakOptions, StreamOptions
    from mayfly_client._results_synth import Speech, SpeechItem, Voice


class SyncSynth(SyncConnection):
    """Speak."""

    def speak(
        self,
        text: str,
        *,
        request_id: str | None = None,
        timeout: float | None = None,
        **options: Unpack[SpeakOptions],
    ) -> Speech:
        """Speak a text and keep it. Answers the stored audio with a link, and when each sentence is heard.

        Args:
            text: 1 to 5,000 characters.
            request_id: UUID for retries by the caller. Default: a new one.
            timeout: Seconds.
            **options: See `SpeakOptions`: voice, format, speed, collection, ttl and more.

        Raises:
            InvalidRequestError: The text or an option is wrong.
            VoiceNotFoundError: No such voice is loaded.
            QuotaExceededError: The subject has used up a quota.
            ServerBusyError: Come again after `retry_after`.
        """
        request = requests.synthesize(text, options, request_id=request_id)
        with self._errors("synth"):
            return answers.speech(self._synth.Synthesize(request, timeout=self._short(timeout)))

    def stream_speech(
        self,
        text: str | Iterable[str],
        *,
        discard: bool = False,
        request_id: str | None = None,
        timeout: float | None = None,
        **options: Unpack[StreamOptions],
    ) -> Generator[SpeechItem, None, None]:
        """Speak while the text is still coming; the first sentence is heard while the next is computed.

        Leaving the loop early cancels the call; then nothing is kept. To be sure when that happens, hold the stream in
        `contextlib.closing`.

        Args:
            text: The text, or an iterable of pieces of it of any length.
            discard: Do not store the audio; it is only streamed, and counted for its user or guest all the same.
            request_id: UUID for retries by the caller. Default: a new one.
            timeout: Seconds for the whole stream. Default: ten times the client's.
            **options: See `StreamOptions`.

        Yields:
            A SpeechHeader; AudioChunks, and a Segment after the last chunk of each sentence; a SpeechTrailer.
        """
        config = requests.stream_config(options, discard=discard, request_id=request_id)
        outgoing = SyncOutgoing(_messages(config, text))
        with blaming(outgoing), self._errors("synth"):
            call = self._synth.StreamSynthesize(outgoing, timeout=self._long(timeout))
            try:
                for message in call:
                    if (item := answers.speech_item(message)) is not None:
                        yield item
            finally:
                call.cancel()

    def voices(self, language_code: str | None = None, *, timeout: float | None = None) -> list[Voice]:
        """The voices that are loaded, by name.

        Args:
            language_code: Only voices of this language, e.g. `en_US` or `en`.
            timeout: Seconds.
        """
        with self._errors("synth"):
            answer = self._synth.ListVoices(requests.list_voices(language_code), timeout=self._short(timeout))
        return [answers.voice(each) for each in answer.voices]


def _messages(
    config: pb.StreamSynthesizeRequest,
    text: str | Iterable[str],
) -> Iterator[pb.StreamSynthesizeRequest]:
    yield config
    if isinstance(text, str):
        for message in requests.text_messages(text):
            yield message
        return
    for piece in text:
        for message in requests.text_messages(piece):
            yield message
