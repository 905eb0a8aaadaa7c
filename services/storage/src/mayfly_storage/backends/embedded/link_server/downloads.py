"""GET and HEAD of an audio: every request asks the row, and no transfer goes on past the end of link or audio."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from mayfly_storage.backends.embedded.link_server.byte_ranges import ByteRange, RangeNotSatisfiableError, parse_range
from mayfly_storage.backends.embedded.link_server.errors import ALWAYS, LinkError
from mayfly_storage.backends.embedded.link_server.transfers import BlobResponse, Limits
from mayfly_storage.backends.embedded.links import audio_path
from mayfly_storage.domain.audio import Audio, AudioName, State
from mayfly_storage.domain.content_types import EXTENSIONS

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from mayfly_storage.backends.embedded.link_server.served import Served
    from mayfly_storage.backends.embedded.options import LinkServerOptions

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloads:
    """Answers GET and HEAD `/audio/{date}/{audio_id}`."""

    served: Served
    limits: LinkServerOptions

    async def __call__(self, request: Request) -> Response:
        """The audio, a part of it, or a refusal."""
        name = AudioName(request.path_params["date"], request.path_params["audio_id"])
        link = self.served.keys.verify("GET", audio_path(name), request.url.query)
        link_end = self.served.require_living(link)
        audio = await self._readable(name)
        end = min(link_end, audio.expire_time) if audio.expire_time else link_end
        headers = self._headers(audio, end, attachment="att" in link)
        if not _is_wanted(request, headers["ETag"]):
            raise LinkError(412, "PRECONDITION_FAILED", "The audio has another ETag than If-Match names.")
        if _is_known(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return await self._body(request, audio, end, headers)

    async def _readable(self, name: AudioName) -> Audio:
        audio = await self.served.row(name)
        if audio is None or audio.state is State.PENDING:
            raise LinkError.audio_not_found()
        if not audio.is_readable(self.served.now()):
            raise LinkError.audio_gone()
        return audio

    def _headers(self, audio: Audio, end: datetime, *, attachment: bool) -> dict[str, str]:
        # The file name is made of what storage itself chose: nothing that a guest wrote gets into a header.
        file_name = f"{audio.name.audio_id}.{EXTENSIONS.get(audio.content_type, 'bin')}"
        left = int((end - self.served.now()).total_seconds())
        return {
            **ALWAYS,
            "Accept-Ranges": "bytes",
            "Cache-Control": f"private, max-age={max(0, left)}",
            "Content-Disposition": f'{"attachment" if attachment else "inline"}; filename="{file_name}"',
            "ETag": f'"{audio.sha256.hex()}"',
        }

    async def _body(self, request: Request, audio: Audio, end: datetime, headers: dict[str, str]) -> Response:
        part, status = self._part(request, audio, headers["ETag"])
        if status == 206:
            headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{audio.size_bytes}"
        limits = Limits(
            until=end, now=self.served.now, total=self.limits.transfer_timeout, idle=self.limits.idle_timeout
        )
        blob = await self.served.blobs.open(audio.object_key)
        if blob is None or blob.size_bytes != audio.size_bytes:
            if blob is not None:
                blob.close()
            logger.error("link_dangling_row", extra={"audio": str(audio.name)})
            raise LinkError.audio_not_found()
        return BlobResponse(
            blob,
            part,
            status=status,
            headers={**headers, "Content-Type": audio.content_type},
            limits=limits,
            sha256=audio.sha256 if status == 200 else None,
        )

    @staticmethod
    def _part(request: Request, audio: Audio, etag: str) -> tuple[ByteRange, int]:
        wanted = request.headers.get("range") if request.method == "GET" else None  # as RFC 9110 has it
        if request.headers.get("if-range") not in {None, etag}:
            wanted = None  # the client has part of something else
        try:
            part = parse_range(wanted, audio.size_bytes)
        except RangeNotSatisfiableError:
            raise LinkError(
                416,
                "RANGE_NOT_SATISFIABLE",
                f"The audio has {audio.size_bytes} bytes; the range begins behind them.",
                {"Content-Range": f"bytes */{audio.size_bytes}"},
            ) from None
        return (part, 206) if part else (ByteRange(0, audio.size_bytes), 200)


def _is_wanted(request: Request, etag: str) -> bool:
    wanted = request.headers.get("if-match")
    return wanted is None or bool({etag, "*"} & {tag.strip() for tag in wanted.split(",")})


def _is_known(request: Request, etag: str) -> bool:
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    return bool({etag, "*"} & known)
