"""PUT through a grant: exactly the announced bytes, once, while the row waits for them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from mayfly_storage.backends.embedded.link_server.errors import ALWAYS, LinkError
from mayfly_storage.backends.embedded.links import upload_path
from mayfly_storage.domain.audio import Audio, AudioName, State
from mayfly_storage.domain.ports import BlobFacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from mayfly_storage.backends.embedded.link_server.served import Served
    from mayfly_storage.backends.embedded.options import LinkServerOptions
    from mayfly_storage.backends.embedded.staging import Staging

_PIECE: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """Answers PUT `/uploads/{date}/{audio_id}`."""

    served: Served
    staging: Staging
    limits: LinkServerOptions

    async def __call__(self, request: Request) -> Response:
        """201 with the ETag; 200 if these very bytes lay there already; or a refusal, and nothing is left."""
        name = AudioName(request.path_params["date"], request.path_params["audio_id"])
        grant = self.served.keys.verify("PUT", upload_path(name), request.url.query)
        self.served.require_living(grant)
        _require_headers(request, size=int(grant["size"]), content_type=grant["type"])
        audio = await self._waiting(name, grant["attempt"])
        await self.served.blobs.require_room(audio.size_bytes)
        async with self.staging.file() as staged:
            async for piece in _pieces(request, self.limits):
                await staged.append(piece)
            # The upload may have been abandoned meanwhile. What slips through between this look and the link is an
            # orphan, and the sweeper's.
            await self._waiting(name, grant["attempt"])
            was_there = await self.served.blobs.present([audio.object_key])
            blob = await self.served.blobs.put_file(audio.object_key, staged.path, _facts(audio))
        headers = {**ALWAYS, "ETag": f'"{blob.etag}"', "Cache-Control": "no-store"}
        return Response(status_code=200 if was_there else 201, headers=headers)

    async def _waiting(self, name: AudioName, attempt: str) -> Audio:
        audio = await self.served.row(name)
        if audio is None:
            raise LinkError.audio_not_found()
        if audio.state is State.DELETING:
            raise LinkError.audio_gone()
        if audio.state is not State.PENDING or audio.attempt != attempt:
            raise LinkError(409, "UPLOAD_FENCED", "The upload is not this attempt's any more. Begin a new one.")
        return audio


def _facts(audio: Audio) -> BlobFacts:
    return BlobFacts(
        content_type=audio.content_type,
        size_bytes=audio.size_bytes,
        sha256=audio.sha256,
        attempt=audio.attempt,
        expire_time=audio.expire_time,
    )


def _require_headers(request: Request, *, size: int, content_type: str) -> None:
    """Refuse what cannot become the announced bytes before a byte is read."""
    length = request.headers.get("content-length")
    if length is None:
        raise LinkError(411, "CONTENT_LENGTH_REQUIRED", f"Send the header Content-Length: {size}.")
    if int(length) > size:
        raise LinkError(413, "CONTENT_MISMATCH", f"{length} bytes are more than the announced {size}.")
    if int(length) < size:
        raise LinkError(400, "CONTENT_MISMATCH", f"{length} bytes are fewer than the announced {size}.")
    if request.headers.get("content-type", "") != content_type:
        raise LinkError(400, "CONTENT_MISMATCH", f"Send the header Content-Type: {content_type}.")


async def _pieces(request: Request, options: LinkServerOptions) -> AsyncIterator[bytes]:
    """The body in pieces that are worth a write each."""
    collected = bytearray()
    async for chunk in _timed(request, options):
        collected += chunk
        if len(collected) >= _PIECE:
            yield bytes(collected)
            collected.clear()
    if collected:
        yield bytes(collected)


async def _timed(request: Request, options: LinkServerOptions) -> AsyncIterator[bytes]:
    """The body as it arrives, while it arrives."""
    loop = asyncio.get_running_loop()
    end = loop.time() + options.transfer_timeout.total_seconds()
    body = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout_at(min(end, loop.time() + options.idle_timeout.total_seconds())):
                chunk = await anext(body, None)
        except TimeoutError:
            raise LinkError(
                408, "TOO_SLOW", "The bytes did not arrive in time. Nothing was stored; try again."
            ) from None
        except ClientDisconnect:
            raise LinkError(400, "UPLOAD_INCOMPLETE", "The connection ended before the last byte.") from None
        if chunk is None:
            return
        yield chunk
