"""Uploads in parts: begun after the row was written, named by it, and ended by the commit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import (
    BackendUnavailableError,
    ContentMismatchError,
    InvalidAudioError,
    StateChangedError,
    UploadFencedError,
)
from mayfly_storage.usecases.verifying import look, require_announced

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio, AudioName
    from mayfly_storage.domain.links import UploadGrant
    from mayfly_storage.domain.parts import PartStore
    from mayfly_storage.domain.ports import AudioCatalog, StoredBlob
    from mayfly_storage.domain.stores import Store, Stores
    from mayfly_storage.domain.tickets import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginUpload:
    """Begins an audio's one upload in parts, before anybody may put one."""

    catalog: AudioCatalog

    async def __call__(self, parts: PartStore, audio: Audio) -> str:
        """The id of the upload that the row names; an earlier try's has the parts that it put.

        Whoever deletes the row finds it there, and aborts it until no part can land any more: a part that is under way
        when its upload is aborted may be kept, and the store would list the upload no more.

        Raises:
            UploadFencedError: The row is not PENDING any more.
        """
        if audio.upload_id:
            return audio.upload_id
        begun = await parts.begin(audio)
        try:
            named = (await self.catalog.name_upload(audio, begun)).upload_id
        except StateChangedError:
            named = ""
        if named != begun:  # nobody has a link to a part of it
            await parts.abort(audio.object_key, begun)
        if not named:
            raise UploadFencedError(audio.name)
        return named


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantBytes:
    """The right to put an audio's bytes: in one PUT, or in parts where the store bounds that."""

    stores: Stores
    begin: BeginUpload

    async def __call__(self, audio: Audio) -> tuple[Audio, UploadGrant, str]:
        """The audio with where its bytes are to go, the grant, and the id of the upload in parts (empty: a single PUT).

        A retry that comes while the store of the first try is away goes elsewhere: W3 says which of the two it was.
        """
        self.stores.require_right_clock()
        fallback = self.stores.fallback
        if fallback is None or audio.location is fallback.location:
            return await self._at(audio)
        if not fallback.is_active:
            try:
                return await self._at(audio)
            except BackendUnavailableError as error:  # only uploads in parts ask the store
                fallback.failed(error)
        return await self._at(replace(audio, location=fallback.location))

    async def _at(self, audio: Audio) -> tuple[Audio, UploadGrant, str]:
        store = self.stores.of(audio)
        parts = store.parts_for(audio.size_bytes)
        if parts is None:
            return audio, await store.links.grant_upload(audio), ""
        upload_id = await self.begin(parts, audio)
        return audio, await parts.grant(audio, upload_id), upload_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteParts:
    """Makes one object of the parts of a PENDING audio, before it is verified as any other."""

    catalog: AudioCatalog
    stores: Stores

    async def __call__(self, ticket: Ticket | None, etags: Sequence[str]) -> None:
        """Nothing to do for a single PUT, and for what is not PENDING any more.

        Raises:
            InvalidAudioError: ETags come with the grant of a single PUT.
            ContentMismatchError: The parts are not those, or not all.
        """
        if not etags:
            return
        if ticket is None or not ticket.upload_id:
            raise InvalidAudioError("part_etags", "must be empty: the grant of this attempt is a single PUT")
        row = (await self.catalog.get_many([ticket.name])).get(ticket.name)
        if row is None or row.attempt != ticket.attempt or row.state is State.DELETING:
            raise UploadFencedError(ticket.name)
        if row.state is not State.PENDING:
            return
        if len(etags) != ticket.parts:  # some stores make a shorter object of fewer
            raise ContentMismatchError("part_etags", expected=ticket.parts, actual=len(etags))
        await complete(self._store(ticket), ticket, ticket.upload_id, etags)

    def _store(self, ticket: Ticket) -> Store:
        store = self.stores.by_location.get(ticket.location)
        if store is None or store.parts is None:
            raise InvalidAudioError("attempt", "is for an upload in parts, which its store does not take any more")
        return store


async def complete(store: Store, announced: Audio | Ticket, upload_id: str, etags: Sequence[str]) -> None:
    """Complete an upload. One that the store has no word about was completed if the attempt's object lies there."""
    if store.parts is None:
        return
    try:
        await store.parts.complete(announced.object_key, upload_id, etags)
    except BackendUnavailableError:
        there = await store.blobs.head(announced.object_key)
        if there is None or there.attempt != announced.attempt:
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class PutParts:
    """W2 by storage itself, for a file that is too large for one PUT."""

    begin: BeginUpload

    async def __call__(self, store: Store, parts: PartStore, audio: Audio, path: Path) -> StoredBlob:
        """What lies at the key then, which has the announced bytes.

        Raises:
            ContentMismatchError: The file is not what was announced, or others' bytes lie at the key.
            UploadFencedError: The row was deleted meanwhile.
        """
        upload_id = await self.begin(parts, audio)
        etags = await parts.put_file(audio, upload_id, path)
        if etags is not None:
            await complete(store, audio, upload_id, etags)
        blob = await look(store.blobs, audio)
        if blob is None:
            raise UploadFencedError(audio.name)
        require_announced(audio, blob)
        return blob


async def abort_uploads(store: Store, tombstones: Sequence[Audio]) -> set[AudioName]:
    """D2 and D3 of uploads in parts: the rows whose parts are still there; the next sweep goes on."""
    if store.parts is None:
        return set()
    begun = [audio for audio in tombstones if audio.upload_id]
    return {audio.name for audio in begun if not await store.parts.abort(audio.object_key, audio.upload_id)}
