"""AsyncClient's call of synth that processes audio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from mayfly.synth.v1 import synth_service_pb2 as pb

from mayfly_client import _answers_synth as answers
from mayfly_client import _requests_processing as requests
from mayfly_client._answered import as_answered
from mayfly_client._async_connection import AsyncConnection
from mayfly_client._bodies import chunks_off_loop
from mayfly_client._outgoing import Outgoing, blaming

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_client._bodies import Progress
    from mayfly_client._options import ProcessOptions
    from mayfly_client._results_processing import ProcessedAudio


class AsyncProcessing(AsyncConnection):
    """Process audio."""

    async def process_audio(
        self,
        source: bytes | Path | str,
        *,
        progress: Progress | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
        **options: Unpack[ProcessOptions],
    ) -> ProcessedAudio:
        """Trim, cut, resample, level and transcode an audio, and keep the result at its final key.

        Args:
            source: The bytes, a file, or the name of a stored audio (`audio/...`). What it is, is told by its content.
            progress: Called with the bytes that are sent and all bytes.
            request_id: UUID for retries by the caller. Default: a new one.
            timeout: Seconds for all of it. Default: ten times the client's.
            **options: See `ProcessOptions`: preset, format, trim_silence, start, end, collection, ttl and more.

        Raises:
            InvalidRequestError: The source is no audio that is taken, is silent or too large, or an option is wrong.
            AudioNotFoundError: There is no readable audio of the source's name.
            PreconditionError: A transcript was asked for, and the server has no transcriber.
            QuotaExceededError: The subject has used up a quota.
            ServerBusyError: Come again after `retry_after`.
        """
        config = requests.process_config(source, options, request_id=request_id)
        outgoing = Outgoing(_messages(config, source, progress))
        with blaming(outgoing), self._errors("synth"):
            call = self._synth.ProcessAudio(outgoing, timeout=self._long(timeout))
            with as_answered(call):
                return answers.processed(await call)


async def _messages(
    config: pb.ProcessConfig, source: bytes | Path | str, progress: Progress | None
) -> AsyncIterator[pb.ProcessAudioRequest]:
    yield pb.ProcessAudioRequest(config=config)
    if isinstance(source, str):
        return
    messages = requests.ProcessMessages(source, progress)
    async for piece in chunks_off_loop(source):
        for message in messages.chunks(piece):
            yield message
    yield messages.footer()
