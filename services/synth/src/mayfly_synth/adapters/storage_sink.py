"""Keeps speech in storage: count, reserve, put straight to the final key, commit, sign. Storage never sees the bytes.

Idempotency. Storage's request_id is derived from the caller's name and its request_id, so a retry of the caller is a
retry towards storage, and two callers with the same request_id do not meet. Storage compares what is stored, bytes
included: the same bytes get the same audio back, with a new link; other bytes are refused, and the caller is told
REQUEST_ID_REUSED. Where speech is not the same twice, `usecases/recent.py` keeps the bytes for a retry.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from mayfly_client.errors import MayflyError, UnavailableError
from mayfly_client.grants import put_grant
from mayfly_client.results import AudioLocation
from mayfly_runtime.deadlines import time_left
from mayfly_synth.adapters.storage_errors import translated
from mayfly_synth.domain.speech import StoredAudio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from datetime import timedelta

    from mayfly_client import AsyncClient
    from mayfly_client.results import Audio, SignedUrl, Upload
    from mayfly_runtime.offload import Offload
    from mayfly_synth.domain.speech import Destination, RequestKey, Speech

# Any fixed UUID: it separates ids that are made here from those made elsewhere.
_NAMESPACE: Final = UUID("6f1d2f0e-9a55-5b0c-8f0a-1c6d3b3f7a51")
# Storage keeps texts up to this length. A longer one was streamed, and is not kept.
_MAX_KEPT_TEXT: Final = 5_000
_PUT_SECONDS: Final = 120.0
# A store that makes no progress for so long is given up: there is another way, which needs most of the time.
_STALL_SECONDS: Final = 5.0
_ABANDON_SECONDS: Final = 5.0

_log = logging.getLogger("mayfly.synth.storage")


class StorageSink:
    """An `AudioSink` through Mayfly's client."""

    def __init__(self, client: AsyncClient, *, collection: str, offload: Offload) -> None:
        """Take a ready client.

        Args:
            client: Its channel carries the deadline of the running RPC on.
            collection: For speech whose caller names none.
            offload: Where checksums are computed.
        """
        self._client = client
        self._collection = collection
        self._offload = offload
        self._giving_up: dict[RequestKey, asyncio.Task[None]] = {}

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
        """Count work before it is done; see `AudioSink`."""
        if not (destination.user_id or destination.guest_address):
            return ""
        with translated(key.request_id):
            reserved = await self._client.reserve_quota(
                destination.collection or self._collection,
                characters=characters,
                size_bytes=size_bytes,
                objects=1 if is_kept and not part else 0,  # the first reservation pays for the upload
                request_id=quota_request_id(key, part),
                user_id=destination.user_id or None,
                guest_address=destination.guest_address or None,
            )
        return reserved.token

    async def store(
        self,
        speech: Speech,
        *,
        key: RequestKey,
        destination: Destination,
        reservation: str = "",
        together: Callable[[], Awaitable[None]] | None = None,
    ) -> StoredAudio:
        """Keep a file; see `AudioSink`."""
        if (before := self._giving_up.get(key)) is not None:
            # A try that was cancelled a moment ago still gives its reservation back, which this one would share.
            await asyncio.wait([before])
        sha256 = await self._offload(_sha256, speech.data)
        with translated(key.request_id):
            about = self._about(speech, key=key, destination=destination, reservation=reservation)
            upload = await self._client.create_upload(size_bytes=len(speech.data), sha256=sha256, **about)
            audio = await self._deliver(upload, speech, key, about, together or _alone)
            signed = await self._client.url(audio.name, ttl=destination.url_ttl)
        return _stored(audio, signed, speech.duration)

    async def close(self) -> None:
        """Let the reservations that are being given back go; each takes a few seconds at most."""
        await asyncio.gather(*self._giving_up.values(), return_exceptions=True)

    def _about(self, speech: Speech, *, key: RequestKey, destination: Destination, reservation: str) -> dict[str, Any]:
        """What storage is told of a file, whichever way its bytes take."""
        return {
            "collection": destination.collection or self._collection,
            "content_type": speech.format.content_type,
            "request_id": storage_request_id(key),
            "quota_reservation": reservation,
            "key_fields": dict(destination.key_fields),
            "expire_time": destination.expire_time,
            "ttl": destination.ttl,
            "user_id": destination.user_id or None,
            "guest_address": destination.guest_address or None,
            "labels": dict(destination.labels),
            "voice": speech.voice.name,
            "text": speech.text if len(speech.text) <= _MAX_KEPT_TEXT else None,
            "duration": speech.duration,
        }

    async def _deliver(
        self,
        upload: Upload,
        speech: Speech,
        key: RequestKey,
        about: dict[str, Any],
        together: Callable[[], Awaitable[None]],
    ) -> Audio:
        """Straight to the final key; where that is not to be reached, through storage, as a retry of the same."""
        try:
            return await self._put_and_commit(upload, speech, key, together)
        except UnavailableError:
            _log.info("upload_through_storage", extra={"audio": upload.audio.name})
        try:
            await together()
            return await self._client.upload_stream(speech.data, timeout=_seconds_left(), **about)
        except BaseException:
            if upload.grant is not None:
                self._give_up(key, self._abandon(upload.audio.name, upload.grant.attempt))
            raise

    async def _put_and_commit(
        self, upload: Upload, speech: Speech, key: RequestKey, together: Callable[[], Awaitable[None]]
    ) -> Audio:
        grant, name = upload.grant, upload.audio.name
        if grant is None:
            await together()
            return upload.audio
        try:
            left = _seconds_left()
            etags = await put_grant(
                self._client.http, grant, speech.data, timeout=left, stall=min(_STALL_SECONDS, left / 3)
            )
            await together()
            return await self._client.commit_upload(name, grant.attempt, part_etags=etags)
        except UnavailableError:  # there is another way
            raise
        except BaseException:
            self._give_up(key, self._abandon(name, grant.attempt))
            raise

    async def _abandon(self, name: str, attempt: str) -> None:
        # Best effort: what is not given back is swept when its time is up.
        with suppress(MayflyError):
            await self._client.abandon_upload(name, attempt, timeout=_ABANDON_SECONDS)
            _log.info("upload_abandoned", extra={"audio": name})

    def _give_up(self, key: RequestKey, abandoning: Coroutine[None, None, None]) -> None:
        """Go on after the RPC has ended. An empty context: the RPC's has its deadline, which may have passed."""
        task = asyncio.get_running_loop().create_task(abandoning, context=contextvars.Context())
        self._giving_up[key] = task
        task.add_done_callback(lambda _: self._giving_up.pop(key, None))


def storage_request_id(key: RequestKey) -> str:
    """The request_id towards storage: always the same for the same file of the same request of the same caller."""
    part = "" if key.part is None else f"/segment/{key.part}"
    return str(uuid5(_NAMESPACE, f"{key.caller}/{key.request_id}{part}"))


async def _alone() -> None:
    """Nothing else belongs to this file."""


def quota_request_id(key: RequestKey, part: int) -> str:
    """The request_id of a reservation of quota: the same for a retry, another one for each part of a request."""
    return str(uuid5(_NAMESPACE, f"{key.caller}/{key.request_id}/quota/{part}"))


def _seconds_left() -> float:
    left = time_left()
    return _PUT_SECONDS if left is None else min(left, _PUT_SECONDS)


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _stored(audio: Audio, signed: SignedUrl, duration: timedelta) -> StoredAudio:
    return StoredAudio(
        name=audio.name,
        collection=audio.collection,
        object_key=audio.object_key,
        content_type=audio.content_type,
        size_bytes=audio.size_bytes,
        sha256=audio.sha256,
        duration=duration,
        create_time=audio.create_time,
        expire_time=audio.expire_time,
        url=signed.url,
        url_expire_time=signed.expire_time,
        local=audio.location is AudioLocation.LOCAL,
    )
