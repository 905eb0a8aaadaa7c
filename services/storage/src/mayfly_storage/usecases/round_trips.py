"""Round trips of a real audio, as any writer and reader would make them: what an examination ends with.

The audio lies where guests' audio lies and has a row like any other, so that the sweep takes it if nobody else does.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from mayfly_storage.domain.collections import Collections
from mayfly_storage.domain.errors import BackendMisconfiguredError, StorageError
from mayfly_storage.domain.findings import Finding
from mayfly_storage.domain.keys import KeyTemplate
from mayfly_storage.domain.links import SignedUrl
from mayfly_storage.domain.privacy import Privacy
from mayfly_storage.domain.uploads import NewAudio, UploadRequest
from mayfly_storage.usecases.assembly import StorageUseCases, World
from mayfly_storage.usecases.parts import BeginUpload, complete

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio, AudioName
    from mayfly_storage.domain.collections import Collection
    from mayfly_storage.domain.parts import PartStore
    from mayfly_storage.domain.stores import Backend, Store
    from mayfly_storage.domain.timing import Timing

SOUND: Final = b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0"
"""A WAV file without a sample."""
_TYPE: Final = "audio/wav"
_LIFE: Final = timedelta(minutes=10)
_CALLER: Final = "doctor"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What somebody without any right but the link is answered."""

    status: int
    body: bytes = b""
    etag: str = ""


class NoHttpAnswerError(Exception):
    """Nobody answers at the address of the links; the message names host and reason, and not the link."""


class Http(Protocol):
    """A client that knows nothing but the link."""

    async def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> HttpAnswer:
        """Send a request, follow nothing. Raises NoHttpAnswerError."""


class TripError(Exception):
    """A step went wrong."""

    def __init__(self, step: str, reason: str) -> None:
        """Take the step, and what was seen."""
        super().__init__(f"{step}: {reason}")


def swept_prefix(collections: Collections) -> str:
    """A folder that storage may write to, and that the sweep looks into."""
    return _swept(collections).key_templates[0].prefix


def _swept(collections: Collections) -> Collection:
    known = collections.by_id.values()
    return next((each for each in known if each.lifetime is not None), next(iter(known)))


def doctors_world(backend: Backend, *, collections: Collections, timing: Timing, now: Callable[[], datetime]) -> World:
    """A world whose one collection lies in a folder that storage may use, and lives for minutes."""
    template = KeyTemplate(f"{swept_prefix(collections)}{{date}}/{{audio_id}}.{{ext}}")
    own = replace(_swept(collections), key_templates=(template,), lifetime=_LIFE, content_types=(_TYPE,), writers=())
    return World(
        backend=backend,
        collections=Collections({own.id: own}),
        privacy=Privacy(secret=secrets.token_bytes(32)),  # nobody will retry these requests
        timing=timing,
        now=now,
        new_id=uuid4,
        new_attempt=lambda: secrets.token_hex(16),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrips:
    """All of them, over one world (see `doctors_world`)."""

    world: World
    http: Http
    scratch: Path
    """A folder for the file that is uploaded."""

    async def through_storage(self) -> Finding:
        """Row, upload, read, list, delete, by storage's own rights."""
        calls, trail = StorageUseCases.over(self.world), _Trail()
        try:
            with _during("row and upload"):
                audio = trail.note(await calls.store_file(self._request(), self._sound()))
            await self._read_and_list(audio)
            await self._delete(audio)
        except TripError as error:
            return await self._gave_up(trail, error)
        return Finding.ok("row, upload, read, list and delete work")

    async def through_links(self) -> Finding:
        """A grant, its PUT, a link, its GET; and the link leads nowhere once the audio is deleted."""
        calls, trail = StorageUseCases.over(self.world), _Trail()
        try:
            await self._upload_by_grant(calls, trail)
            audio = trail.found()
            link = await self._link(calls, audio.name)
            answer = await self._ask("GET of the link", "GET", link)
            _expect("GET of the link", answer.status == 200 and answer.body == SOUND, f"HTTP {answer.status}")
            await self._delete(audio)
            answer = await self._ask("GET after the delete", "GET", link)
            _expect("GET after the delete", answer.status in {403, 404, 410}, f"HTTP {answer.status}")
        except TripError as error:
            return await self._gave_up(trail, error)
        return Finding.ok(f"PUT and GET work at {urlsplit(link).netloc}; HTTP {answer.status} after the delete")

    async def through_parts(self) -> Finding:
        """An upload in parts: begun, listed, put, completed and committed; and another one, aborted."""
        store, trail = self.world.backend.stores.first, _Trail()
        if store.parts is None:
            return Finding.ok("one PUT takes audio of any size here")
        try:
            await self._upload_in_parts(store, store.parts, trail)
            with _during("abort"):
                begun = await store.parts.begin(trail.found())
                gone = await store.parts.abort(trail.found().object_key, begun)
            _expect("abort", gone, "the store still knows the upload")
            await self._delete(trail.found())
        except TripError as error:
            return await self._gave_up(trail, error)
        return Finding.ok("parts are begun, listed, put, completed and aborted")

    async def _upload_in_parts(self, store: Store, parts: PartStore, trail: _Trail) -> None:
        calls = StorageUseCases.over(self.world)
        with _during("begin"):
            audio = trail.note((await calls.create_upload(self._request()))[0])
            upload_id = await BeginUpload(catalog=self.world.backend.catalog)(parts, audio)
            trail.note(replace(audio, upload_id=upload_id))
        with _during("list of uploads"):
            page = await parts.list_uploads(audio.object_key, limit=1)
        _expect("list of uploads", [each.upload_id for each in page.uploads] == [upload_id], "it is not listed")
        [part] = (await parts.grant(audio, upload_id)).parts
        answer = await self._ask("PUT of a part", "PUT", part.url, headers=part.headers, body=SOUND)
        _expect("PUT of a part", answer.status == 200 and answer.etag != "", f"HTTP {answer.status}")
        with _during("completion"):
            await complete(store, audio, upload_id, [answer.etag])
            trail.note(await calls.commit_upload(audio.name, audio.attempt))

    async def _upload_by_grant(self, calls: StorageUseCases, trail: _Trail) -> None:
        with _during("grant"):
            audio, grant = await calls.create_upload(self._request())
        trail.note(audio)
        _expect("grant", grant is not None, "there was none")
        if grant is not None:
            answer = await self._ask("PUT", "PUT", grant.url, headers=grant.headers, body=SOUND)
            _expect("PUT", answer.status in {200, 201, 204}, f"HTTP {answer.status}")
        with _during("commit"):
            trail.note(await calls.commit_upload(audio.name, audio.attempt))

    async def _link(self, calls: StorageUseCases, name: AudioName) -> str:
        with _during("signing"):
            signed = (await calls.sign_urls([name], ttl=None, attachment=False))[name]
        if isinstance(signed, SignedUrl):
            return signed.url
        raise TripError("signing", str(signed))

    async def _ask(
        self, step: str, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> HttpAnswer:
        try:
            return await self.http(method, url, headers=headers, body=body)
        except NoHttpAnswerError as error:
            raise TripError(step, str(error)) from error

    async def _read_and_list(self, audio: Audio) -> None:
        blobs = self.world.backend.stores.of(audio).blobs
        with _during("read"):
            _expect("read", await blobs.head(audio.object_key) is not None, "nothing lies at the key")
        with _during("list"):
            page = await blobs.list_blobs(audio.object_key, limit=1)
        _expect("list", [blob.key for blob in page.blobs] == [audio.object_key], "the object is not listed")

    async def _delete(self, audio: Audio) -> None:
        """Delete, see that it is gone, and remove the tombstone: the only one who could still PUT is here."""
        with _during("delete"):
            backend = self.world.backend
            await self.world.erase([audio])
            there = await backend.stores.of(audio).blobs.present([audio.object_key])
            _expect("delete", not there, "the object is still there")
            tombstone = (await backend.catalog.get_many([audio.name])).get(audio.name)
            if tombstone is not None:
                await backend.catalog.remove([tombstone])

    async def _gave_up(self, trail: _Trail, error: TripError) -> Finding:
        with suppress(StorageError, TripError):  # if this fails, too, the sweep has its row
            if trail.audio is not None:
                await self._delete(trail.audio)
        return Finding.failed(
            str(error),
            "Check the rights (`mayfly-storage policy` prints them), the bucket policy and the address of links.",
        )

    def _request(self) -> UploadRequest:
        [collection] = self.world.collections.by_id
        return UploadRequest(
            caller=_CALLER,
            request_id=str(self.world.new_id()),
            audio=NewAudio(collection=collection, content_type=_TYPE),
            size_bytes=len(SOUND),
            sha256=hashlib.sha256(SOUND).digest(),
        )

    def _sound(self) -> Path:
        path = self.scratch / f"{self.world.new_id()}.wav"
        path.write_bytes(SOUND)
        return path


@dataclass(slots=True)
class _Trail:
    """What to clean up."""

    audio: Audio | None = None

    def note(self, audio: Audio) -> Audio:
        self.audio = audio
        return audio

    def found(self) -> Audio:
        if self.audio is None:
            raise TripError("commit", "there is no audio")
        return self.audio


def _expect(step: str, holds: bool, otherwise: str) -> None:  # noqa: FBT001 - an assertion
    if not holds:
        raise TripError(step, otherwise)


@contextmanager
def _during(step: str) -> Iterator[None]:
    try:
        yield
    except BackendMisconfiguredError as error:
        raise TripError(step, f"{error.backend} refuses: {error.cause}") from error
    except StorageError as error:
        raise TripError(step, str(error)) from error
