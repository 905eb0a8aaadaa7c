"""What storage is told whatever its backend is: addresses, kinds of audio, people's data, periods, quotas, prices."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AliasChoices, Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from mayfly_runtime.settings import ServerSettings
from mayfly_storage.collections_file import adapted, kept, read_collections
from mayfly_storage.domain.pricing import AMAZON, Prices
from mayfly_storage.domain.privacy import AddressPolicy, TextPolicy
from mayfly_storage.domain.quotas import GuestBudget, QuotaLimits
from mayfly_storage.domain.timing import Timing
from mayfly_storage.setting_types import (
    Address,
    BackendName,
    CollectionsFile,
    Folder,
    MinutesPeriod,
    OptionalPeriod,
    Period,
    Secret,
    TextPolicyName,
    UnitlessPeriod,
)

if TYPE_CHECKING:
    from mayfly_storage.domain.collections import Collections


def older(*variables: str) -> AliasChoices:
    """The canonical variable, and those of older systems that mean the same."""
    return AliasChoices(*variables)


def needed_with_aws(value: object, info: ValidationInfo) -> object:
    """The value. Raises ValueError if the backend is `aws`, and there is none."""
    if info.data.get("backend") == "aws" and not value:
        raise ValueError("is needed with the backend aws")
    return value


class AudioSettings(ServerSettings):
    """What storage is told of audio, of people, and of what all backends have."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix="MAYFLY_STORAGE_")

    ambient: ClassVar[frozenset[str]] = frozenset(
        {"AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB"}
    )
    """AWS's own platforms and tools set them; the bucket may be in another region than the machine."""

    backend: Annotated[Literal["embedded", "aws"], BackendName] = Field(
        default="embedded", validation_alias=older("MAYFLY_STORAGE_BACKEND", "USE_S3_STORAGE")
    )
    """`embedded`: SQLite and files, for one machine. `aws`: S3 and DynamoDB (or what speaks like them), for many."""

    data_dir: Path = Path(".data/storage")
    """Folder of the embedded backend, and of uploads on their way. A local disk: SQLite loses its locks on others."""

    listen: Address = "127.0.0.1:50051"
    """Address of StorageService."""

    retention_listen: Address = "127.0.0.1:50052"
    """Address of RetentionService: a port of its own, so that a network policy can keep it to the sweeper."""

    readiness_interval: Period = timedelta(seconds=10)
    """How often the backend is checked. Health calls answer from the last check: shorter notices sooner, costs more."""

    max_clock_skew: Period = timedelta(seconds=2)
    """AWS: how far this machine's clock may be from the store's. Further off, nothing is signed, and health says so."""

    spool_workers: int = Field(default=4, ge=1)
    """How many uploads over gRPC write to disk at a time. As many as the disk likes."""

    strict: bool = False
    """Whether storage refuses to start on a store that keeps copies of what is deleted. Unset: it only warns."""

    collections_file: CollectionsFile | None = None
    """TOML file of the kinds of audio, instead of the ones that ship with the package."""

    temp_audio_prefix: Folder = Field(
        default="temp-audio", validation_alias=older("MAYFLY_STORAGE_TEMP_AUDIO_PREFIX", "AWS_S3_TEMP_AUDIO_PREFIX")
    )
    """Folder of guests' audio, in place of `temp-audio`. Orphans in the old folder are not looked for any more."""

    cleanup_temp_files: bool = Field(
        default=True, validation_alias=older("MAYFLY_STORAGE_CLEANUP_TEMP_FILES", "AUDIO_CLEANUP_TEMP_FILES")
    )
    """Whether temporary results (`processing`) end. `false`: those made from then on are kept until deleted."""

    cleanup_delay: MinutesPeriod | None = Field(
        default=None,
        validation_alias=older(
            "MAYFLY_STORAGE_CLEANUP_DELAY", "MAYFLY_STORAGE_CLEANUP_DELAY_MINUTES", "AUDIO_CLEANUP_DELAY_MINUTES"
        ),
    )
    """Life of temporary results (`processing`), for those made from then on. Unset: as the collection says, an hour."""

    url_lifetime: UnitlessPeriod | None = Field(
        default=None, validation_alias=older("MAYFLY_STORAGE_URL_LIFETIME", "S3_PRESIGNED_URL_EXPIRY")
    )
    """Life of links that nobody asked a time for, in all collections. Unset: as each collection says. Short is safe."""

    url_window: OptionalPeriod = timedelta(minutes=5)
    """How long a link is the same for all who ask, for browsers' caches: a tenth of its life at most. `0s`: never."""

    keep_text: Annotated[TextPolicy, TextPolicyName] = TextPolicy.HASHED
    """What is kept of a spoken text, as long as its audio: `hashed` (keyed; tells equal texts), `true`, or `false`."""

    addresses: AddressPolicy = AddressPolicy.HASHED
    """What is kept of a guest's address: `hashed` (keyed, of no use after a day), `raw`, or `none`."""

    privacy_secret: Secret | None = Field(default=None, validate_default=True)
    """Key of the hashes of guests and requests. Replicas must share it. Unset: one is made in `data_dir`."""

    upload_lifetime: Period = timedelta(minutes=2)
    """How long an upload grant lives. Longer helps slow writers; shorter lets abandoned uploads go sooner."""

    late_put_bound: Period = timedelta(minutes=20)
    """How much later a PUT that began in time can land at most. Tombstones stay that long. The store's property."""

    pending_grace: Period = timedelta(minutes=5)
    """How long after its deadline an upload that nobody committed is deleted. Longer forgives slow commits."""

    multipart_lifetime: Period = timedelta(minutes=30)
    """How long a grant of audio lives that goes in parts, or has more than 50 MiB. As long as slow writers need."""

    multipart_grace: Period = timedelta(hours=1)
    """Uploads in parts that are older and nobody's are aborted. Must exceed multipart_lifetime + late_put_bound."""

    erase_time: Period = timedelta(minutes=1)
    """How long an eraser may delete at a key that a caller chose; the store refuses what comes later."""

    clock_allowance: Period = timedelta(minutes=1)
    """How far this clock may be from the store's. Leases of erasers last longer than their deletes by that."""

    certificate_lifetime: Period = timedelta(days=30)
    """How long certificates of sweeps are kept. Export them (`mayfly sweeps export`) to keep them longer."""

    orphan_grace: Period = timedelta(minutes=30)
    """Objects younger than this are not taken for orphans. Must exceed upload_lifetime + late_put_bound."""

    request_lifetime: Period = timedelta(hours=48)
    """How long a request_id is remembered. Later retries are new requests."""

    tombstone_margin: Period = timedelta(days=7)
    """How long after the expiry DynamoDB may collect a row by itself. Must exceed the longest outage of the sweeper."""

    guest_requests_per_minute: int | None = Field(default=None, ge=1)
    """Requests of all guests together, however many addresses they have. Unset: any number. Collections limit each."""

    guest_characters_per_day: int | None = Field(default=None, ge=1)
    """Characters of all guests together, in a UTC day. Unset: any number."""

    guest_bytes_per_day: int | None = Field(default=None, ge=1)
    """Bytes of all guests together, in a UTC day. Unset: any number."""

    guest_objects_per_day: int | None = Field(default=None, ge=1)
    """Uploads of all guests together, in a UTC day. Unset: any number."""

    guest_budget_parts: int = Field(default=1, ge=1)
    """AWS: items that share the guests' budget. One serves some dozens of calls a second; each refuses on its own."""

    reservation_lifetime: Period = timedelta(minutes=15)
    """How long an upload may use a reservation of quota. Longer than any speech takes; a lapsed one counts again."""

    usage_interval: OptionalPeriod = timedelta(hours=6)
    """How often usage is counted for the metrics of it, with an exporter. Reads every row. `0s`: when GetUsage does."""

    price_gb_month: float | None = Field(default=None, ge=0)
    """US dollars for a GB kept a month, for the estimate of GetUsage. Unset, here and below: Amazon's; embedded 0."""

    price_thousand_puts: float | None = Field(default=None, ge=0)
    """US dollars for 1,000 writes of audio, for the same."""

    price_thousand_gets: float | None = Field(default=None, ge=0)
    """US dollars for 1,000 reads of audio, for the same."""

    price_gb_out: float | None = Field(default=None, ge=0)
    """US dollars for a GB that is read, for the same: each audio once. 0 where readers are in the bucket's region."""

    price_million_row_writes: float | None = Field(default=None, ge=0)
    """US dollars for 1,000,000 write units of the table, for the same: 27 for each audio."""

    price_million_row_reads: float | None = Field(default=None, ge=0)
    """US dollars for 1,000,000 read units of the table, for the same: 4 for each audio."""

    price_thousand_sweeps: float | None = Field(default=None, ge=0)
    """US dollars for 1,000 runs of the sweeper, such as a Lambda's, for the same: 4,320 in a month. Unset: 0."""

    @field_validator("privacy_secret")
    @classmethod
    def _shared_with_aws(cls, value: object, info: ValidationInfo) -> object:
        return needed_with_aws(value, info)

    def timing(self) -> Timing:
        """The protocol's periods. Raises ValueError where they contradict."""
        return Timing(
            upload_lifetime=self.upload_lifetime,
            late_put_bound=self.late_put_bound,
            pending_grace=self.pending_grace,
            orphan_grace=self.orphan_grace,
            request_lifetime=self.request_lifetime,
            tombstone_margin=self.tombstone_margin,
            multipart_lifetime=self.multipart_lifetime,
            multipart_grace=self.multipart_grace,
            certificate_lifetime=self.certificate_lifetime,
            erase_time=self.erase_time,
            clock_allowance=self.clock_allowance,
        )

    def guest_budget(self) -> GuestBudget:
        """What all guests may ask for together. Raises ValueError where a part would be nothing."""
        limits = QuotaLimits(
            requests_per_minute=self.guest_requests_per_minute,
            characters_per_day=self.guest_characters_per_day,
            bytes_per_day=self.guest_bytes_per_day,
            objects_per_day=self.guest_objects_per_day,
        )
        return GuestBudget(limits=limits, parts=self.guest_budget_parts)

    def prices(self) -> Prices:
        """What the estimate of GetUsage goes by."""
        usual = AMAZON if self.backend == "aws" else Prices()
        given = {
            "gb_month": self.price_gb_month,
            "thousand_puts": self.price_thousand_puts,
            "thousand_gets": self.price_thousand_gets,
            "gb_out": self.price_gb_out,
            "million_row_writes": self.price_million_row_writes,
            "million_row_reads": self.price_million_row_reads,
            "thousand_sweeps": self.price_thousand_sweeps,
        }
        return replace(usual, **{name: price for name, price in given.items() if price is not None})

    def collections(self) -> Collections:
        """The kinds of audio. Raises ValueError."""
        collections = read_collections(self.collections_file)
        collections = kept(collections, cleanup=self.cleanup_temp_files, delay=self.cleanup_delay)
        return adapted(collections, temp_audio_prefix=self.temp_audio_prefix, url_lifetime=self.url_lifetime)
