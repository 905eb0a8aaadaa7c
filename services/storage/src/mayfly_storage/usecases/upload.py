"""Save: W1 row PENDING, W2 object, W3 fence, W4 acknowledge. A crash anywhere loses nothing that was acknowledged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Audio, AudioName, State, has_ended
from mayfly_storage.domain.errors import (
    AudioNotFoundError,
    ContentMismatchError,
    IdempotencyKeyReusedError,
    LifetimeOverError,
    ObjectKeyTakenError,
    QuotaRefusedError,
    RequestExpiredError,
    RequestSeenError,
    ReservationGoneError,
    StateChangedError,
    UploadFencedError,
    UploadIncompleteError,
)
from mayfly_storage.domain.failpoints import Failpoint, Reach, pass_by
from mayfly_storage.domain.tickets import Ticket, Tickets, attempt_of
from mayfly_storage.domain.uploads import RequestRecord, UploadRequest
from mayfly_storage.usecases.erasing import EraseOutcome
from mayfly_storage.usecases.ownership import free_stranded
from mayfly_storage.usecases.quotas import reservation_gone
from mayfly_storage.usecases.verifying import difference, look, require_announced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from mayfly_storage.domain.links import UploadGrant
    from mayfly_storage.domain.ports import AudioCatalog
    from mayfly_storage.domain.stores import Stores
    from mayfly_storage.domain.timing import Timing
    from mayfly_storage.usecases.drafting import DraftAudio
    from mayfly_storage.usecases.erasing import EraseAudio
    from mayfly_storage.usecases.parts import CompleteParts, GrantBytes
    from mayfly_storage.usecases.placing import PlaceBytes
    from mayfly_storage.usecases.quotas import PayForUpload


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveAudio:
    """W1: the row and its request record, or what an earlier call with the same request_id made of it."""

    draft: DraftAudio
    pay: PayForUpload
    catalog: AudioCatalog
    erase: EraseAudio
    timing: Timing
    now: Callable[[], datetime]
    reach: Reach = pass_by

    async def __call__(self, request: UploadRequest) -> Audio:
        """The audio: PENDING, or READY if a retry came after the commit."""
        audio = self.draft(request)
        self.reach(Failpoint.BEFORE_W1)
        try:
            await self._reserve(request, audio)
        except RequestSeenError:
            return await self._replay(request, audio)
        except ReservationGoneError:
            raise reservation_gone() from None
        except QuotaRefusedError as refused:
            raise self.pay.rules.exceeded(refused) from None
        self.reach(Failpoint.AFTER_W1)
        return audio

    async def _reserve(self, request: UploadRequest, audio: Audio) -> None:
        record, pays = self._record(request, audio.name), self.pay(request)
        try:
            await self.catalog.reserve(audio, record, pays=pays)
        except ObjectKeyTakenError:
            if not await free_stranded(self.catalog, audio):
                raise
            await self.catalog.reserve(audio, record, pays=pays)

    def _record(self, request: UploadRequest, name: AudioName) -> RequestRecord:
        return RequestRecord(
            caller=request.caller,
            request_id=request.request_id,
            fingerprint=self._fingerprint(request),
            name=name,
            forget_time=self.now() + self.timing.request_lifetime,
        )

    def _fingerprint(self, request: UploadRequest) -> str:
        return request.fingerprint(self.draft.privacy.secret)

    async def _replay(self, request: UploadRequest, draft: Audio) -> Audio:
        record = await self.catalog.find_request(request.caller, request.request_id, self.now())
        if record is None:
            raise RequestExpiredError(request.request_id)
        if record.fingerprint != self._fingerprint(request):
            raise IdempotencyKeyReusedError(request.request_id)
        audio = (await self.catalog.get_many([record.name])).get(record.name)
        if audio is not None and self._still_counts(audio):
            return audio
        return await self._begin_again(request, audio, draft)

    def _still_counts(self, audio: Audio) -> bool:
        now = self.now()
        return audio.is_readable(now) or (audio.state is State.PENDING and now < audio.upload_deadline)

    async def _begin_again(self, request: UploadRequest, old: Audio | None, draft: Audio) -> Audio:
        """A new attempt for an upload that was never acknowledged; what was acknowledged and is gone stays gone."""
        if old is None or old.etag is not None:
            raise RequestExpiredError(request.request_id)
        if old.state is State.PENDING and await self._changed_meanwhile(old):
            return await self._replay(request, draft)
        try:
            await self.catalog.reserve(draft, self._record(request, draft.name), replaces=old.name)
        except RequestSeenError:  # another retry was faster
            raise UploadFencedError(old.name) from None
        return draft

    async def _changed_meanwhile(self, old: Audio) -> bool:
        """Erase it; whether it was committed (or erased by others) first. States go forward only, so that ends."""
        [erasure] = await self.erase([old])
        return erasure.outcome is EraseOutcome.CHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateUpload:
    """Reserves an audio and grants the right to put its bytes."""

    reserve: ReserveAudio
    grant: GrantBytes
    tickets: Tickets

    async def __call__(self, request: UploadRequest) -> tuple[Audio, UploadGrant | None]:
        """The audio, and the grant while it is PENDING; its attempt is a ticket, which spares the commit a read."""
        audio = await self.reserve(request)
        if audio.state is State.READY:
            return audio, None
        audio, grant, upload_id = await self.grant(audio)
        return audio, replace(grant, attempt=self.tickets.issue(audio, upload_id, len(grant.parts)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitUpload:
    """Verifies what lies at the key, and passes the fence."""

    catalog: AudioCatalog
    stores: Stores
    erase: EraseAudio
    tickets: Tickets
    complete: CompleteParts
    now: Callable[[], datetime]
    reach: Reach = pass_by

    async def __call__(self, name: AudioName, attempt: str, part_etags: Sequence[str] = ()) -> Audio:
        """The audio, READY. Repeating it answers the same."""
        ticket = self.tickets.read(name, attempt)
        try:
            audio = await self._commit(name, attempt, ticket, part_etags)
        except (AudioNotFoundError, UploadFencedError):
            if ticket is not None:  # A sweep may have been faster than a caller who is late.
                require_lifetime(ticket, self.now())
            raise
        require_lifetime(audio, self.now())
        return audio

    async def _commit(self, name: AudioName, attempt: str, ticket: Ticket | None, part_etags: Sequence[str]) -> Audio:
        await self.complete(ticket, part_etags)
        audio = await self._commit_unread(ticket) if ticket is not None else None
        return audio or await self._commit_row(name, attempt_of(attempt), ticket)

    async def _commit_unread(self, ticket: Ticket) -> Audio | None:
        """What almost every commit is: one look at the object, one write. None if anything is not as it should be."""
        store = self.stores.by_location.get(ticket.location)
        blob = await look(store.blobs, ticket) if store is not None else None
        if blob is None or difference(ticket, blob) is not None:
            return None
        try:
            return await self._fence(replace(ticket, etag=blob.etag))
        except StateChangedError:
            return None

    async def _commit_row(self, name: AudioName, attempt: str, ticket: Ticket | None) -> Audio:
        """By the row: what finds out why a commit cannot be, and clears up behind it."""
        audio = (await self.catalog.get_many([name])).get(name)
        if audio is None:
            raise AudioNotFoundError(name)
        if audio.attempt != attempt or audio.state is State.DELETING:
            raise UploadFencedError(name)
        if audio.state is not State.PENDING:
            return audio
        # The row says where the bytes were expected when it was made, and the ticket where their grant led.
        if ticket is not None and ticket.location in self.stores.by_location:
            audio = replace(audio, location=ticket.location)
        return await self._verify_and_fence(audio)

    async def _verify_and_fence(self, audio: Audio) -> Audio:
        blob = await look(self.stores.of(audio).blobs, audio)
        if blob is None:
            raise UploadIncompleteError(audio.name)
        try:
            require_announced(audio, blob)
        except ContentMismatchError:
            await self.erase([audio])
            raise
        try:
            return await self._fence(audio.ready(etag=blob.etag))
        except StateChangedError:
            raise UploadFencedError(audio.name) from None

    async def _fence(self, ready: Audio | Ticket) -> Audio:
        self.reach(Failpoint.BEFORE_W3)
        audio = await self.catalog.make_ready(ready)
        self.reach(Failpoint.AFTER_W3)
        return audio


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonUpload:
    """Gives a reservation back."""

    catalog: AudioCatalog
    erase: EraseAudio

    async def __call__(self, name: AudioName, attempt: str) -> None:
        """Erase the PENDING row and what was put. Abandoning what is gone succeeds."""
        await self._abandon(name, attempt_of(attempt))

    async def _abandon(self, name: AudioName, attempt: str) -> None:
        audio = (await self.catalog.get_many([name])).get(name)
        if audio is None or audio.state is State.DELETING:
            return
        if audio.attempt != attempt or audio.state is State.READY:
            raise UploadFencedError(name)
        [erasure] = await self.erase([audio])
        if erasure.outcome is EraseOutcome.CHANGED:
            # It was committed or erased meanwhile: look again. States go forward only, so that ends.
            await self._abandon(name, attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFile:
    """All of save in one call, for bytes that storage itself has received into a file."""

    reserve: ReserveAudio
    catalog: AudioCatalog
    place: PlaceBytes
    erase: EraseAudio
    now: Callable[[], datetime]
    reach: Reach = pass_by

    async def __call__(
        self, request: UploadRequest, path: Path, *, reserved: Callable[[Audio], None] = lambda _: None
    ) -> Audio:
        """The audio, READY; `reserved` hears of it after W1. Whatever fails leaves nothing (or the sweep takes it)."""
        audio = await self.reserve(request)
        reserved(audio)
        if audio.state is State.PENDING:
            audio = await self._put(audio, path)
        require_lifetime(audio, self.now())
        return audio

    async def _put(self, audio: Audio, path: Path) -> Audio:
        self.reach(Failpoint.BEFORE_W2)
        try:
            location, blob = await self.place(audio, path)
            self.reach(Failpoint.AFTER_W2)
            ready = await self.catalog.make_ready(audio.ready(etag=blob.etag, location=location))
        except StateChangedError:
            raise UploadFencedError(audio.name) from None
        except BaseException:
            # Also when the caller has gone: the row must not wait for a sweep if it need not. Conditional, so harmless.
            await asyncio.shield(self.erase([audio]))
            raise
        self.reach(Failpoint.AFTER_W3)
        return ready


def require_lifetime(audio: Audio | Ticket, now: datetime) -> None:
    """Acknowledge nothing that could never be read. Raises LifetimeOverError."""
    if audio.expire_time is not None and has_ended(audio.expire_time, now):
        raise LifetimeOverError(audio.name, audio.expire_time)
