"""All use cases over one backend: what a server serves, and what a test holds in its hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from mayfly_storage.domain.failpoints import Reach, pass_by
from mayfly_storage.domain.pricing import Prices
from mayfly_storage.domain.quotas import GuestBudget
from mayfly_storage.domain.tickets import Tickets
from mayfly_storage.usecases.access import GetAudio, ListAudio, SignUrls
from mayfly_storage.usecases.certifying import AppendCertificate, DescribeStore, ListCertificates
from mayfly_storage.usecases.deleting import BatchDeleteAudio, DeleteAudio
from mayfly_storage.usecases.downloading import ReadAudio
from mayfly_storage.usecases.drafting import AdmitStream, DraftAudio
from mayfly_storage.usecases.erasing import EraseAudio
from mayfly_storage.usecases.finding import ListExpired, ListOrphans
from mayfly_storage.usecases.forgetting import ForgetSubject
from mayfly_storage.usecases.info import GetStorageInfo, ReadStoreTime
from mayfly_storage.usecases.parts import BeginUpload, CompleteParts, GrantBytes, PutParts
from mayfly_storage.usecases.placing import PlaceBytes
from mayfly_storage.usecases.purging import PurgeAudio, PurgeOrphans, PurgeRows, VerifyGone
from mayfly_storage.usecases.quota_tokens import QuotaTokens
from mayfly_storage.usecases.quotas import PayForUpload, QuotaRules, ReserveQuota
from mayfly_storage.usecases.retaining import RetainAudio
from mayfly_storage.usecases.sweeping_uploads import SweepUploads
from mayfly_storage.usecases.upload import AbandonUpload, CommitUpload, CreateUpload, ReserveAudio, StoreFile
from mayfly_storage.usecases.usage import GetUsage, SharedCount

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.privacy import Privacy
    from mayfly_storage.domain.stores import Backend
    from mayfly_storage.domain.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the use cases need: a backend, the rules, and the sources of time and chance."""

    backend: Backend
    collections: Collections
    privacy: Privacy
    timing: Timing
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    """UUIDs of version 4: names are made of them, and never used again."""
    new_attempt: Callable[[], str]
    """Fencing tokens, which nobody can guess."""
    prices: Prices = field(default_factory=Prices)
    """What the estimate of GetUsage goes by."""
    budget: GuestBudget = field(default_factory=GuestBudget)
    """What all guests may ask for together."""
    reservation_lifetime: timedelta = timedelta(minutes=15)
    """How long an upload may use a reservation of quota."""
    reach: Reach = pass_by
    """What happens at failpoints; nothing, unless a test says so."""
    url_window: timedelta = timedelta(minutes=5)
    """For how long links stay the same, at most."""

    @property
    def erase(self) -> EraseAudio:
        """The one way in which anything is deleted."""
        return EraseAudio(
            catalog=self.backend.catalog,
            stores=self.backend.stores,
            timing=self.timing,
            now=self.now,
            new_holder=self.new_attempt,
            reach=self.reach,
        )

    @property
    def tickets(self) -> Tickets:
        """What grants carry, so that commits need not read."""
        return Tickets(self.privacy.secret)

    @property
    def quota_rules(self) -> QuotaRules:
        """What work costs whom."""
        return QuotaRules(collections=self.collections, privacy=self.privacy, budget=self.budget, now=self.now)

    @property
    def quota_tokens(self) -> QuotaTokens:
        """What reservations of quota carry."""
        return QuotaTokens(self.privacy.secret)

    @property
    def draft(self) -> DraftAudio:
        """The one place where a collection's rules are applied."""
        return DraftAudio(
            collections=self.collections,
            privacy=self.privacy,
            timing=self.timing,
            stores=self.backend.stores,
            now=self.now,
            new_id=self.new_id,
            new_attempt=self.new_attempt,
        )

    @property
    def pay(self) -> PayForUpload:
        """What an upload counts, and against whom."""
        return PayForUpload(rules=self.quota_rules, tokens=self.quota_tokens)

    @property
    def reserve(self) -> ReserveAudio:
        """W1, for every way in which bytes come."""
        return ReserveAudio(
            draft=self.draft,
            pay=self.pay,
            catalog=self.backend.catalog,
            erase=self.erase,
            timing=self.timing,
            now=self.now,
            reach=self.reach,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageUseCases:
    """What StorageService offers."""

    reserve_quota: ReserveQuota
    create_upload: CreateUpload
    commit_upload: CommitUpload
    abandon_upload: AbandonUpload
    admit_stream: AdmitStream
    store_file: StoreFile
    get_audio: GetAudio
    list_audio: ListAudio
    delete_audio: DeleteAudio
    batch_delete_audio: BatchDeleteAudio
    sign_urls: SignUrls
    get_storage_info: GetStorageInfo
    read_audio: ReadAudio
    retain_audio: RetainAudio
    forget_subject: ForgetSubject
    get_usage: GetUsage

    @classmethod
    def over(cls, world: World) -> Self:
        """Put them together."""
        backend, collections, now = world.backend, world.collections, world.now
        catalog, stores = backend.catalog, backend.stores
        get, delete = GetAudio(catalog=catalog, now=now), BatchDeleteAudio(catalog=catalog, erase=world.erase)
        return cls(
            reserve_quota=_reserve_quota(world),
            create_upload=_create_upload(world),
            commit_upload=_commit_upload(world),
            abandon_upload=AbandonUpload(catalog=catalog, erase=world.erase),
            admit_stream=AdmitStream(draft=world.draft, pay=world.pay),
            store_file=_store_file(world),
            get_audio=get,
            list_audio=ListAudio(catalog=catalog, collections=collections, privacy=world.privacy, now=now),
            delete_audio=DeleteAudio(delete=delete),
            batch_delete_audio=delete,
            sign_urls=SignUrls(
                catalog=catalog, stores=stores, collections=collections, window=world.url_window, now=now
            ),
            get_storage_info=GetStorageInfo(
                backend=backend, collections=collections, privacy=world.privacy, timing=world.timing
            ),
            read_audio=ReadAudio(get=get, stores=stores, now=now),
            retain_audio=RetainAudio(get=get, catalog=catalog, collections=collections, now=now),
            forget_subject=ForgetSubject(
                catalog=catalog, delete=delete, collections=collections, privacy=world.privacy, now=now
            ),
            get_usage=GetUsage(count=SharedCount(catalog, now), collections=collections, prices=world.prices),
        )


def _reserve_quota(world: World) -> ReserveQuota:
    return ReserveQuota(
        rules=world.quota_rules,
        catalog=world.backend.catalog,
        tokens=world.quota_tokens,
        lifetime=world.reservation_lifetime,
        now=world.now,
    )


def _create_upload(world: World) -> CreateUpload:
    grant = GrantBytes(stores=world.backend.stores, begin=BeginUpload(catalog=world.backend.catalog))
    return CreateUpload(reserve=world.reserve, grant=grant, tickets=world.tickets)


def _commit_upload(world: World) -> CommitUpload:
    catalog, stores = world.backend.catalog, world.backend.stores
    return CommitUpload(
        catalog=catalog,
        stores=stores,
        erase=world.erase,
        tickets=world.tickets,
        complete=CompleteParts(catalog=catalog, stores=stores),
        now=world.now,
        reach=world.reach,
    )


def _store_file(world: World) -> StoreFile:
    catalog = world.backend.catalog
    return StoreFile(
        reserve=world.reserve,
        catalog=catalog,
        place=PlaceBytes(stores=world.backend.stores, put_parts=PutParts(begin=BeginUpload(catalog=catalog))),
        erase=world.erase,
        now=world.now,
        reach=world.reach,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionUseCases:
    """What RetentionService offers."""

    list_expired: ListExpired
    list_orphans: ListOrphans
    purge_audio: PurgeAudio
    verify_gone: VerifyGone
    read_store_time: ReadStoreTime
    describe_store: DescribeStore
    append_certificate: AppendCertificate
    list_certificates: ListCertificates

    @classmethod
    def over(cls, world: World) -> Self:
        """Put them together."""
        catalog, stores, timing, now = world.backend.catalog, world.backend.stores, world.timing, world.now
        read_store_time = ReadStoreTime(stores=stores, now=now)
        uploads = SweepUploads(catalog=catalog, stores=stores, collections=world.collections, timing=timing, now=now)
        return cls(
            list_expired=ListExpired(
                catalog=catalog,
                read_store_time=read_store_time,
                collections=world.collections,
                timing=timing,
                now=now,
            ),
            list_orphans=ListOrphans(
                catalog=catalog,
                stores=stores,
                collections=world.collections,
                timing=timing,
                now=now,
                uploads=uploads,
            ),
            purge_audio=_purge_audio(world, uploads),
            verify_gone=VerifyGone(catalog=catalog, stores=stores, uploads=uploads),
            read_store_time=read_store_time,
            describe_store=DescribeStore(backend=world.backend),
            append_certificate=AppendCertificate(log=world.backend.certificates),
            list_certificates=ListCertificates(log=world.backend.certificates),
        )


def _purge_audio(world: World, uploads: SweepUploads) -> PurgeAudio:
    catalog, erase, timing, now = world.backend.catalog, world.erase, world.timing, world.now
    orphans = PurgeOrphans(
        catalog=catalog,
        stores=world.backend.stores,
        collections=world.collections,
        erase=erase,
        timing=timing,
        now=now,
        new_id=world.new_id,
        new_attempt=world.new_attempt,
        reach=world.reach,
    )
    rows = PurgeRows(catalog=catalog, erase=erase, timing=timing, now=now)
    return PurgeAudio(rows=rows, orphans=orphans, uploads=uploads)
