"""Transcripts from a server that speaks OpenAI's API: `POST {url}/v1/audio/transcriptions`."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

from mayfly_runtime.deadlines import time_left
from mayfly_synth.domain.processing_errors import TranscriberFailedError

_LONGEST_ANSWER: Final = 1024 * 1024
_PATIENCE: Final = timedelta(minutes=5)
_RETRY_AFTER: Final = timedelta(seconds=5)
_TOO_MANY: Final = 429

if TYPE_CHECKING:
    from types import TracebackType


class OpenAiTranscriber:
    """A `Transcriber` over HTTP. The audio goes to that server, and nowhere else."""

    def __init__(self, *, url: str, model: str, key: str | None = None, patience: timedelta = _PATIENCE) -> None:
        """Say where.

        Args:
            url: The server's address, without `/v1`.
            model: Its name for the model.
            key: Sent as a bearer token. None: none.
            patience: Longest time for all of an answer. It never outlives the RPC that waits for it.
        """
        self._url = f"{url.rstrip('/')}/v1/audio/transcriptions"
        self._model = model
        self._patience = patience.total_seconds()
        # As it is: what is compressed could unpack into a thousand times as much before anybody could count it.
        headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {key}"} if key else {})
        # No redirects: the key and the audio are for this server alone.
        self._http = httpx.AsyncClient(headers=headers, follow_redirects=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def transcribe(self, data: bytes, *, content_type: str, file_name: str) -> str:
        """The words of an audio; see `Transcriber`."""
        left = time_left()
        wait = self._patience if left is None else min(left, self._patience)
        files = {"file": (file_name, data, content_type)}
        form = {"model": self._model, "response_format": "json"}
        try:
            async with (
                # The one for all of it; httpx's is for each wait, and a server may let its answer drip.
                asyncio.timeout(wait),
                self._http.stream("POST", self._url, files=files, data=form, timeout=wait) as response,
            ):
                if not response.is_success:
                    raise _refused(response.status_code)
                return _text(await _bounded(response))
        except (httpx.HTTPError, TimeoutError) as error:
            raise TranscriberFailedError(
                f"it does not answer ({type(error).__name__}).", retry_after=_RETRY_AFTER
            ) from error


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > _LONGEST_ANSWER:
            raise TranscriberFailedError("its answer is too long.", retry_after=_RETRY_AFTER)
    return bytes(body)


def _text(body: bytes) -> str:
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError) as error:  # the second where it is too deep
        raise TranscriberFailedError("its answer is no JSON.", retry_after=_RETRY_AFTER) from error
    text = answer.get("text") if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise TranscriberFailedError("its answer has no `text`.", retry_after=_RETRY_AFTER)
    # JSON can say halves of characters, which no message of ours can carry.
    return text.encode(errors="replace").decode().strip()


def _refused(status: int) -> TranscriberFailedError:
    why = "it has too much to do (429)." if status == _TOO_MANY else f"it answered {status}."
    return TranscriberFailedError(why, retry_after=_RETRY_AFTER)
