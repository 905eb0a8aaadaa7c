"""Settings of storage: `MAYFLY_STORAGE_*`. The only module that reads the environment.

Variables of the systems that Mayfly replaces keep working as aliases. AWS credentials are not settings: boto3 finds
them by its own chain (`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a profile, a role).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import AliasChoices, Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from mayfly_runtime.settings import ServerSettings
from mayfly_storage.collections_file import adapted, read_collections
from mayfly_storage.domain.failpoints import Failpoint  # noqa: TC001 - pydantic reads the annotation
from mayfly_storage.domain.pricing import S3_STANDARD, Prices
from mayfly_storage.domain.privacy import AddressPolicy, TextPolicy
from mayfly_storage.domain.quotas import GuestBudget, QuotaLimits
from mayfly_storage.domain.timing import Timing
from mayfly_storage.failing import require_loopback
from mayfly_storage.setting_types import (
    Address,
    Arns,
    BackendName,
    CollectionsFile,
    Folder,
    HttpUrl,
    OptionalPeriod,
    Origins,
    Period,
    Secret,
    TextPolicyName,
    UnitlessPeriod,
)

if TYPE_CHECKING:
    from mayfly_storage.domain.collections import Collections


def _alias(*variables: str) -> AliasChoices:
    return AliasChoices(*variables)


class StorageSettings(ServerSettings):
    """What storage can be told."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix="MAYFLY_STORAGE_")

    backend: Annotated[Literal["embedded", "aws"], BackendName] = Field(
        default="embedded", validation_alias=_alias("MAYFLY_STORAGE_BACKEND", "USE_S3_STORAGE")
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

    spool_workers: int = Field(default=4, ge=1)
    """How many uploads over gRPC write to disk at a time. As many as the disk likes."""

    strict: bool = False
    """Whether storage refuses to start on a store that keeps copies of what is deleted. Unset: it only warns."""

    collections_file: CollectionsFile | None = None
    """TOML file of the kinds of audio, instead of the ones that ship with the package."""

    temp_audio_prefix: Folder = Field(
        default="temp-audio", validation_alias=_alias("MAYFLY_STORAGE_TEMP_AUDIO_PREFIX", "AWS_S3_TEMP_AUDIO_PREFIX")
    )
    """Folder of guests' audio, in place of `temp-audio`. Orphans in the old folder are not looked for any more."""

    url_lifetime: UnitlessPeriod | None = Field(
        default=None, validation_alias=_alias("MAYFLY_STORAGE_URL_LIFETIME", "S3_PRESIGNED_URL_EXPIRY")
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

    price_gb_month: float | None = Field(default=None, ge=0)
    """US dollars for a GB kept a month, for the estimate of GetUsage. Unset: S3 Standard's with aws, else 0."""

    price_thousand_puts: float | None = Field(default=None, ge=0)
    """US dollars for 1,000 writes of audio, for the same. Unset: S3 Standard's with aws, else 0."""

    price_thousand_gets: float | None = Field(default=None, ge=0)
    """US dollars for 1,000 reads of audio, for the same. Unset: S3 Standard's with aws, else 0."""

    links_listen: Address = "127.0.0.1:50080"
    """Embedded: address of the HTTP endpoint of signed links. Links protect themselves, so others may reach it."""

    links_url: HttpUrl | None = None
    """Embedded: what links begin with, such as a proxy's address. Unset: the address of the endpoint."""

    link_secret: Secret | None = None
    """Embedded: key that signs links. A new one ends all links. Unset: one is made in `data_dir`."""

    link_secret_previous: Secret | None = None
    """Embedded: the key before, whose links are still honoured while they live."""

    links_max_requests: int = Field(default=64, ge=1)
    """Embedded: HTTP requests at a time; the next is told to come back. Bounds open files and memory."""

    links_transfer_timeout: Period = timedelta(minutes=5)
    """Embedded: how long one transfer may take. A download is cut off when its audio expires, whatever this says."""

    headroom_bytes: int = Field(default=16 * 1024 * 1024, ge=0)
    """Embedded: room that audio leaves free on the disk, so that a full store can still be swept."""

    file_workers: int = Field(default=8, ge=1)
    """Embedded: file operations at a time."""

    bucket: str | None = Field(
        default=None,
        validate_default=True,
        validation_alias=_alias("MAYFLY_STORAGE_BUCKET", "AWS_S3_BUCKET", "S3_BUCKET_NAME"),
    )
    """AWS: the bucket."""

    region: str | None = Field(
        default=None,
        validate_default=True,
        validation_alias=_alias("MAYFLY_STORAGE_REGION", "AWS_S3_REGION", "S3_BUCKET_REGION", "AWS_REGION"),
    )
    """AWS: region of bucket and table. Never guessed: a wrong one signs links that the store refuses."""

    table: str = Field(
        default="tts_temp_audio", validation_alias=_alias("MAYFLY_STORAGE_TABLE", "TEMP_AUDIO_TABLE_NAME")
    )
    """AWS: the DynamoDB table."""

    endpoint_url: HttpUrl | None = Field(
        default=None, validation_alias=_alias("MAYFLY_STORAGE_ENDPOINT_URL", "AWS_ENDPOINT_URL")
    )
    """AWS: where both services are, for an emulator. Unset: AWS itself."""

    s3_endpoint_url: HttpUrl | None = Field(
        default=None, validation_alias=_alias("MAYFLY_STORAGE_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
    )
    """AWS: where S3 is, for R2 or MinIO. Links lead there too, so callers must be able to reach it."""

    dynamodb_endpoint_url: HttpUrl | None = Field(
        default=None, validation_alias=_alias("MAYFLY_STORAGE_DYNAMODB_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB")
    )
    """AWS: where DynamoDB is."""

    addressing_style: Literal["auto", "path", "virtual"] = "auto"
    """AWS: how the bucket stands in a URL. Many stores that speak like S3 want `path`."""

    encryption: Literal["AES256", "aws:kms"] | None = None
    """AWS: encryption that every PUT asks for. Unset: the bucket's default. `aws:kms` costs a KMS call per object."""

    kms_key_id: str | None = None
    """AWS: key for `aws:kms`. Unset: the account's."""

    cors_origins: Origins = ""
    """AWS: origins of web pages that may use links from scripts, with commas between. `provision` tells the bucket."""

    principals: Arns = ""
    """AWS: ARNs of the roles that alone may touch objects, with commas between. Unset: whom IAM allows."""

    conditional_deletes: bool | None = None
    """AWS: whether the store's batch delete honours ETags. Unset: only AWS itself is believed to."""

    due_buckets: int = Field(default=4, ge=1)
    """AWS: partitions of the index of due rows, 1,000 writes a second each. Only ever raise it."""

    aws_connections: int = Field(default=16, ge=1)
    """AWS: calls at a time, to each of the two services. More helps only while the network is the bottleneck."""

    aws_queue: int = Field(default=256, ge=0)
    """AWS: calls that may wait for a connection; the one after that is told that the server is busy."""

    aws_connect_timeout: Period = timedelta(seconds=1)
    """AWS: how long one try to connect may take."""

    aws_read_timeout: Period = timedelta(seconds=5)
    """AWS: how long one answer may take. Shorter gives up on slow answers that would have come."""

    aws_attempts: int = Field(default=3, ge=1)
    """AWS: tries of each call in all, with back-off. More hides longer outages, and makes callers wait."""

    failpoint: Failpoint | None = None
    """Tests only: the step of save or delete at which the process kills itself. Refused beyond loopback addresses."""

    @field_validator("bucket", "region", "privacy_secret")
    @classmethod
    def _needed_with_aws(cls, value: object, info: ValidationInfo) -> object:
        if info.data.get("backend") == "aws" and not value:
            raise ValueError("is needed with the backend aws")
        return value

    @model_validator(mode="after")
    def _rules_agree(self) -> Self:
        if self.failpoint is not None:
            require_loopback((self.listen, self.retention_listen, self.links_listen))
        self.timing()
        self.collections()
        self.guest_budget()
        return self

    def timing(self) -> Timing:
        """The protocol's periods. Raises ValueError where they contradict."""
        return Timing(
            upload_lifetime=self.upload_lifetime,
            late_put_bound=self.late_put_bound,
            pending_grace=self.pending_grace,
            orphan_grace=self.orphan_grace,
            request_lifetime=self.request_lifetime,
            tombstone_margin=self.tombstone_margin,
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
        usual = S3_STANDARD if self.backend == "aws" else Prices()
        given = {
            "gb_month": self.price_gb_month,
            "thousand_puts": self.price_thousand_puts,
            "thousand_gets": self.price_thousand_gets,
        }
        return replace(usual, **{name: price for name, price in given.items() if price is not None})

    def collections(self) -> Collections:
        """The kinds of audio. Raises ValueError."""
        collections = read_collections(self.collections_file)
        return adapted(collections, temp_audio_prefix=self.temp_audio_prefix, url_lifetime=self.url_lifetime)
