"""AsyncClient's ways to save audio."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from mayfly_client import _answers_storage as answers
from mayfly_client import _links
from mayfly_client import _requests_storage as requests
from mayfly_client._answered import as_answered
from mayfly_client._async_connection import AsyncConnection
from mayfly_client._bodies import chunks_off_loop, measure
from mayfly_client._error_types import MayflyError, UnavailableError
from mayfly_client._grants_async import put_grant
from mayfly_client._outgoing import Outgoing, blaming
from mayfly_client._request_ids import request_id_or_new
from mayfly_client._sources import content_type_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Sequence

    from mayfly.storage.v1 import storage_service_pb2 as pb

    from mayfly_client._bodies import Progress
    from mayfly_client._options import NewAudioOptions, SubjectOptions
    from mayfly_client._results_storage import Audio, QuotaReservation, Upload, UploadGrant

_log = logging.getLogger("mayfly.client")

# Giving up must not make a failure last much longer.
_ABANDON_SECONDS = 2.0


class AsyncUploads(AsyncConnection):
    """Save audio: in one go, or step by step."""

    async def save(
        self,
        source: bytes | Path,
        *,
        collection: str,
        content_type: str | None = None,
        progress: Progress | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
        **audio: Unpack[NewAudioOptions],
    ) -> Audio:
        """Save bytes or a file: reserve, put straight to the final key, commit. Nothing is kept unless this returns.

        A file is read twice (once for its checksum), piece by piece: memory stays flat. Where the store cannot be
        reached from here, the bytes go through storage, which may have somewhere else to put them.

        Args:
            source: The bytes, or a file.
            collection: Collection of storage.
            content_type: MIME type. Default: by the file's suffix.
            progress: Called with the bytes that are sent and all bytes.
            request_id: UUID for retries by the caller. Default: a new one.
            timeout: Seconds for all of it. Default: ten times the client's.
            **audio: See `NewAudioOptions`.
        """
        content_type, request_id = content_type_for(source, content_type), request_id_or_new(request_id)
        async with _links.bounded("upload", self._long(timeout)):
            measured = await asyncio.to_thread(measure, source)
            upload = await self.create_upload(
                collection=collection,
                content_type=content_type,
                size_bytes=measured.size_bytes,
                sha256=measured.sha256,
                request_id=request_id,
                **audio,
            )
            if upload.grant is None:
                return upload.audio
            try:
                try:
                    return await self._put_and_commit(upload.audio, upload.grant, source, progress, self._long(timeout))
                except UnavailableError:
                    _log.info("upload.through_storage", extra={"audio": upload.audio.name})
                # A retry of the same request, so at most one of the two ways makes an audio.
                return await self.upload_stream(
                    source, collection=collection, content_type=content_type, request_id=request_id, **audio
                )
            except BaseException:
                await self._give_up(upload.audio.name, upload.grant)
                raise

    async def _put_and_commit(
        self,
        audio: Audio,
        grant: UploadGrant,
        source: bytes | Path,
        progress: Progress | None,
        timeout: float,
    ) -> Audio:
        stall = _links.stall_of(timeout, audio.size_bytes)
        etags = await put_grant(self.http, grant, source, timeout=timeout, progress=progress, stall=stall)
        seconds = _links.commit_seconds(self._short(None), audio.size_bytes)
        return await self.commit_upload(audio.name, grant.attempt, part_etags=etags, timeout=seconds)

    async def _give_up(self, name: str, grant: UploadGrant) -> None:
        """Give the reservation back now, and not only by the next sweep. The failure to report is the first one."""
        with suppress(MayflyError):
            await self.abandon_upload(name, grant.attempt, timeout=_ABANDON_SECONDS)

    async def reserve_quota(
        self,
        collection: str,
        *,
        characters: int = 0,
        size_bytes: int = 0,
        objects: int = 1,
        request_id: str | None = None,
        timeout: float | None = None,
        **subject: Unpack[SubjectOptions],
    ) -> QuotaReservation:
        """Count work for a guest or a user before it is done. QuotaExceededError says that there is no room for it.

        Args:
            collection: Where the result will go.
            characters: Characters to be spoken.
            size_bytes: Estimated size of the result; the upload counts what it has beyond.
            objects: 0 for more work towards an upload that another reservation pays for.
            request_id: UUID; a retry with the same one counts once. Default: a new one.
            timeout: Seconds.
            **subject: See `SubjectOptions`; one of the two is needed.
        """
        request = requests.reserve_quota(
            collection, subject, characters=characters, size_bytes=size_bytes, objects=objects, request_id=request_id
        )
        with self._errors("storage"):
            answer = await self._storage.ReserveQuota(request, timeout=self._short(timeout))
        return answers.quota_reservation(answer)

    async def create_upload(  # noqa: PLR0913 - the fields of the request, all keyword-only
        self,
        *,
        collection: str,
        content_type: str,
        size_bytes: int,
        sha256: bytes,
        request_id: str | None = None,
        quota_reservation: str = "",
        timeout: float | None = None,
        **audio: Unpack[NewAudioOptions],
    ) -> Upload:
        """First step of an upload: reserve an audio and get the right to put its bytes; see `put_grant`.

        Args:
            collection: Collection of storage.
            content_type: MIME type of the bytes.
            size_bytes: Their exact number.
            sha256: Their SHA-256, 32 bytes.
            request_id: UUID; a retry with the same one gets the same audio. Default: a new one.
            quota_reservation: From ReserveQuota.
            timeout: Seconds.
            **audio: See `NewAudioOptions`.
        """
        request = requests.create_upload(
            requests.new_audio("create_upload", collection, content_type, audio),
            size_bytes=size_bytes,
            sha256=sha256,
            request_id=request_id,
            quota_reservation=quota_reservation,
        )
        with self._errors("storage"):
            return answers.upload(await self._storage.CreateUpload(request, timeout=self._short(timeout)))

    async def commit_upload(
        self,
        name: str,
        attempt: str,
        *,
        part_etags: Sequence[str] = (),
        timeout: float | None = None,
    ) -> Audio:
        """Last step of an upload: storage verifies what lies at the key and makes it readable.

        Args:
            name: `upload.audio.name`.
            attempt: `upload.grant.attempt`.
            part_etags: What `put_grant` answered.
            timeout: Seconds.
        """
        request = requests.commit_upload(name, attempt, part_etags)
        with self._errors("storage"):
            answer = await self._storage.CommitUpload(request, timeout=self._short(timeout))
        return answers.audio(answer.audio)

    async def abandon_upload(self, name: str, attempt: str, *, timeout: float | None = None) -> None:
        """Give an upload up: the reservation goes back, and what was put is deleted. Abandoning twice is no error."""
        request = requests.abandon_upload(name, attempt)
        with self._errors("storage"):
            await self._storage.AbandonUpload(request, timeout=self._short(timeout))

    async def upload_stream(
        self,
        source: bytes | Path | AsyncIterable[bytes],
        *,
        collection: str,
        content_type: str | None = None,
        request_id: str | None = None,
        quota_reservation: str = "",
        timeout: float | None = None,
        **audio: Unpack[NewAudioOptions],
    ) -> Audio:
        """Save audio through one gRPC stream, for callers that cannot reach the store by HTTP.

        Args:
            source: The bytes, a file, or an asynchronous iterable of bytes of any size.
            collection: Collection of storage.
            content_type: MIME type. Default: by the file's suffix.
            request_id: UUID for retries by the caller. Default: a new one.
            quota_reservation: From ReserveQuota.
            timeout: Seconds for all of it. Default: ten times the client's.
            **audio: See `NewAudioOptions`.
        """
        content_type = content_type_for(source, content_type)
        new_audio = requests.new_audio("upload_stream", collection, content_type, audio)
        header = requests.upload_header(new_audio, request_id=request_id, quota_reservation=quota_reservation)
        outgoing = Outgoing(_messages(header, source))
        with blaming(outgoing), self._errors("storage"):
            call = self._storage.UploadAudio(outgoing, timeout=self._long(timeout))
            with as_answered(call):
                answer = await call
        return answers.audio(answer.audio)


async def _messages(
    header: pb.UploadAudioRequest,
    source: bytes | Path | AsyncIterable[bytes],
) -> AsyncIterator[pb.UploadAudioRequest]:
    yield header
    footer = requests.UploadFooter()
    pieces = chunks_off_loop(source) if isinstance(source, bytes | Path) else source
    async for piece in pieces:
        for message in footer.chunks(piece):
            yield message
    yield footer.message()
