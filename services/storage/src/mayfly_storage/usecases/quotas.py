"""Counting before the work: ReserveQuota, and how an upload pays. See `domain/quotas.py` for what is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.errors import (
    CollectionForbiddenError,
    IdempotencyKeyReusedError,
    InvalidAudioError,
    QuotaExceededError,
    QuotaRefusedError,
)
from mayfly_storage.domain.quotas import QuotaUse, Reservation, Work, tallies
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.usecases.quota_tokens import Paid

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.ports import AudioCatalog
    from mayfly_storage.domain.privacy import Privacy
    from mayfly_storage.domain.quotas import GuestBudget, QuotaRequest, Tally
    from mayfly_storage.domain.uploads import UploadRequest
    from mayfly_storage.usecases.quota_tokens import QuotaTokens

_FIELD: Final = "quota_reservation"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaRules:
    """What work costs whom."""

    collections: Collections
    privacy: Privacy
    budget: GuestBudget
    now: Callable[[], datetime]

    def cost(self, subject: Subject, collection: str, work: Work, *, request_id: str) -> tuple[Tally, ...]:
        """What is to be counted. Empty where nothing has a limit.

        The subject's own counters come first. The request_id decides which part of the guests' budget pays.
        """
        now, guest = self.now(), bool(subject.guest_address)
        quotas = self.collections.get(collection).quotas
        limits = quotas.guests if guest else quotas.users
        whose = self.privacy.quota_subject(subject, collection, now)
        found = tallies(limits, work, whose=whose, now=now)
        if guest:
            parts = self.budget.parts
            part, shared = sum(request_id.encode()) % parts, self.budget.limits.shared_by(parts)
            found += tallies(shared, work, whose=f"guests-{part}", now=now, prefix="guests_")
        return tuple(found)

    def exceeded(self, refused: QuotaRefusedError) -> QuotaExceededError:
        """What a refused caller is told: of several quotas, the one that is reset last."""
        tally, charge, used = max(refused.refusals, key=lambda each: each[0].reset_time)
        return QuotaExceededError(
            charge.quota,
            limit=charge.limit,
            used=used,
            reset=tally.reset_time,
            retry_after=tally.reset_time - self.now(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveQuota:
    """Counts work before it is done."""

    rules: QuotaRules
    catalog: AudioCatalog
    tokens: QuotaTokens
    lifetime: timedelta
    """How long an upload may use a reservation."""
    now: Callable[[], datetime]

    async def __call__(self, request: QuotaRequest) -> tuple[str, datetime]:
        """The token for the upload, and when it lapses.

        Raises:
            CollectionUnknownError: There is no such collection.
            CollectionForbiddenError: The caller could not store the result anyway.
            IdempotencyKeyReusedError: The request_id was used for other work.
            QuotaExceededError: There is no room. Nothing was counted.
        """
        collection = self.rules.collections.get(request.collection)
        if collection.writers and request.caller not in collection.writers:
            raise CollectionForbiddenError(collection.id, request.caller)
        cost = self.rules.cost(request.subject, collection.id, request.work, request_id=request.request_id)
        wanted = Reservation(
            caller=request.caller,
            request_id=request.request_id,
            fingerprint=request.fingerprint(self.tokens.secret),
            expire_time=self.now().replace(microsecond=0) + self.lifetime,
        )
        made = await self._count(wanted, cost) if cost else wanted
        if made.fingerprint != wanted.fingerprint:
            raise IdempotencyKeyReusedError(request.request_id)
        return self.tokens.make(self._paid(request, made, noted=bool(cost))), made.expire_time

    async def _count(self, wanted: Reservation, cost: tuple[Tally, ...]) -> Reservation:
        try:
            return await self.catalog.reserve_quota(wanted, cost)
        except QuotaRefusedError as refused:
            raise self.rules.exceeded(refused) from None

    def _paid(self, request: QuotaRequest, made: Reservation, *, noted: bool) -> Paid:
        return Paid(
            caller=made.caller,
            request_id=made.request_id,
            subject=subject_of(request.subject, self.tokens),
            collection=request.collection,
            size_bytes=request.work.size_bytes,
            objects=request.work.objects,
            expires=made.expire_time.timestamp(),
            noted=noted,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PayForUpload:
    """How an upload pays: by its reservation, or itself."""

    rules: QuotaRules
    tokens: QuotaTokens

    def __call__(self, request: UploadRequest) -> QuotaUse | None:
        """What W1 has to count and to use up; None: nothing. A reservation that has lapsed is as good as none.

        Bytes beyond those that were reserved are counted now, as a reservation is made on an estimate; and the object,
        where the reservation was for more of another one.

        Raises:
            InvalidAudioError: The token is not of this storage, or of another subject or collection.
        """
        subject, collection = request.audio.subject, request.audio.collection
        paid = self._paid(request)
        if subject is None or subject == Subject():
            return None
        if paid is None:
            work = Work(characters=len(request.audio.text), size_bytes=request.size_bytes)
        else:
            more = max(0, request.size_bytes - paid.size_bytes)
            work = Work(requests=0, size_bytes=more, objects=1 - paid.objects)
        cost = self.rules.cost(subject, collection, work, request_id=request.request_id)
        used = (paid.caller, paid.request_id) if paid is not None and paid.noted else None
        return QuotaUse(reservation=used, tallies=cost) if used or cost else None

    def _paid(self, request: UploadRequest) -> Paid | None:
        if not request.quota_reservation:
            return None
        paid = self.tokens.read(request.quota_reservation)
        if paid is None:
            raise InvalidAudioError(_FIELD, "is not a reservation of this storage")
        whose = subject_of(request.audio.subject or Subject(), self.tokens)
        if (paid.subject, paid.collection) != (whose, request.audio.collection):
            raise InvalidAudioError(_FIELD, "was made for another subject or collection; reserve for this one")
        return paid if self.rules.now() < paid.expire_time else None


def subject_of(subject: Subject, tokens: QuotaTokens) -> str:
    """The subject as a token carries it."""
    return tokens.subject(f"user\0{subject.user_id}" if subject.user_id else f"guest\0{subject.guest_address}")


def reservation_gone() -> InvalidAudioError:
    """What an upload is told whose reservation another one has used."""
    return InvalidAudioError(_FIELD, "was used by another upload; reserve once for each upload")
