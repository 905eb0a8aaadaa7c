"""Settings of storage: `MAYFLY_STORAGE_*`. The only module that reads the environment.

Variables of the systems that Mayfly replaces keep working as aliases. AWS credentials are not settings: boto3 finds
them by its own chain (`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a profile, a role).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from mayfly_storage.audio_settings import AudioSettings, needed_with_aws, older
from mayfly_storage.backends.aws.features import AddressingStyle, ProviderName
from mayfly_storage.domain.failpoints import Failpoint
from mayfly_storage.failing import require_loopback
from mayfly_storage.setting_types import (
    Address,
    Arns,
    Distribution,
    HttpUrl,
    Origins,
    Period,
    Secret,
    Unmanaged,
    listed,
)


class StorageSettings(AudioSettings):
    """What storage can be told: of audio and people, and of its backends."""

    links_listen: Address = "127.0.0.1:50080"
    """Files: address of the HTTP endpoint of signed links. Links protect themselves, so others may reach it."""

    links_url: HttpUrl | None = None
    """Files: what links begin with, such as a proxy's address. Unset: the address of the endpoint."""

    link_secret: Secret | None = None
    """Files: key that signs links. A new one ends all links. Unset: one is made in the folder."""

    link_secret_previous: Secret | None = None
    """Files: the key before, whose links are still honoured while they live."""

    links_max_requests: int = Field(default=64, ge=1)
    """Files: HTTP requests at a time; the next is told to come back. Bounds open files and memory."""

    links_transfer_timeout: Period = timedelta(minutes=5)
    """Files: how long one transfer may take. A download is cut off when its audio expires, whatever this says."""

    headroom_bytes: int = Field(default=16 * 1024 * 1024, ge=0)
    """Files: room that audio leaves free on the disk, so that a full store can still be swept."""

    file_workers: int = Field(default=8, ge=1)
    """Files: file operations at a time."""

    bucket: str | None = Field(
        default=None,
        validate_default=True,
        validation_alias=older(
            "MAYFLY_STORAGE_BUCKET", "AWS_S3_BUCKET", "S3_BUCKET_NAME", "EXPO_PUBLIC_S3_BUCKET_NAME"
        ),
    )
    """AWS: the bucket."""

    region: str | None = Field(
        default=None,
        validate_default=True,
        validation_alias=older(
            "MAYFLY_STORAGE_REGION", "AWS_S3_REGION", "S3_BUCKET_REGION", "EXPO_PUBLIC_S3_REGION", "AWS_REGION"
        ),
    )
    """AWS: region of bucket and table. Never guessed: a wrong one signs links that the store refuses."""

    table: str = Field(
        default="tts_temp_audio", validation_alias=older("MAYFLY_STORAGE_TABLE", "TEMP_AUDIO_TABLE_NAME")
    )
    """AWS: the DynamoDB table."""

    endpoint_url: HttpUrl | None = Field(
        default=None, validation_alias=older("MAYFLY_STORAGE_ENDPOINT_URL", "AWS_ENDPOINT_URL")
    )
    """AWS: where both services are, for an emulator. Unset: AWS itself."""

    s3_endpoint_url: HttpUrl | None = Field(
        default=None, validation_alias=older("MAYFLY_STORAGE_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
    )
    """AWS: where S3 is, for R2 or MinIO. Links lead there too, so callers must be able to reach it."""

    dynamodb_endpoint_url: HttpUrl | None = Field(
        default=None, validation_alias=older("MAYFLY_STORAGE_DYNAMODB_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB")
    )
    """AWS: where DynamoDB is."""

    provider: ProviderName | None = None
    """AWS: whose S3 it is, for what the settings below do not say. Unset: `aws`, or `other` with another endpoint."""

    addressing_style: AddressingStyle | None = None
    """AWS: how the bucket stands in a URL. Unset: `path` for R2, MinIO and Ceph, else `auto`."""

    encryption: Literal["AES256", "aws:kms"] | None = None
    """AWS: encryption that every PUT asks for. Unset: the bucket's default. `aws:kms` costs a KMS call per object."""

    kms_key_id: str | None = None
    """AWS: key for `aws:kms`. Unset: the account's."""

    cors_origins: Origins = ""
    """AWS: origins of web pages that may use links from scripts, with commas between. `provision` tells the bucket."""

    principals: Arns = ""
    """AWS: ARNs of the roles that alone may touch objects, with commas between. Unset: whom IAM allows."""

    conditional_puts: bool | None = None
    """AWS: whether a PUT with `If-None-Match: *` overwrites nothing. Unset, here and below: as the provider's do."""

    checksums: bool | None = None
    """AWS: whether a PUT's `x-amz-checksum-sha256` is compared and kept. `false`: a commit reads the bytes back."""

    conditional_deletes: bool | None = None
    """AWS: whether the store's batch delete honours ETags. `false`: they are compared before, a moment earlier."""

    conditional_completes: bool | None = None
    """AWS: whether completing an upload in parts with `If-None-Match: *` overwrites nothing. `false`: looked before."""

    unmanaged: Unmanaged | None = None
    """AWS: settings of the bucket that `provision` leaves alone, with commas between. Unset: as the provider wants."""

    access_log_bucket: str = ""
    """AWS: bucket in which S3 is to log who read what; `provision` switches it on. Its lines name keys: expire them."""

    single_put_bytes: int = Field(default=50 * 1024**2, ge=5 * 1024**2, le=5 * 1024**3)
    """AWS: the largest audio that is put as a whole, and begins again if it breaks. What is larger is put in parts."""

    part_bytes: int = Field(default=16 * 1024**2, ge=5 * 1024**2, le=5 * 1024**3)
    """AWS: size of a part. Larger ones are fewer requests, and more to send again when one breaks."""

    accelerate: bool = False
    """AWS: whether links and grants lead to S3's transfer acceleration, which `provision` switches on. Costs more."""

    cdn_url: HttpUrl | None = None
    """AWS: where a CloudFront distribution of the bucket answers. Links for reading lead there. Unset: to S3."""

    cdn_key_id: str = ""
    """AWS: id of the public key that the distribution trusts, such as `K2JCJMDEHXQW5F`."""

    cdn_private_key: SecretStr | None = None
    """AWS: its private key, RSA in PEM, which signs the links. Needs `pip install 'mayfly-storage[cdn]'`."""

    cdn_distribution: Distribution = ""
    """AWS: ARN of the distribution, which `provision` lets read the bucket. Empty: its policy has that already."""

    due_buckets: int = Field(default=4, ge=1)
    """AWS: partitions of the index of due rows, 1,000 writes a second each. Only ever raise it."""

    aws_connections: int = Field(default=16, ge=1)
    """AWS: calls at a time, to each of the two services. More helps only while the network is the bottleneck."""

    aws_queue: int = Field(default=256, ge=0)
    """AWS: calls to DynamoDB that may wait for a connection; the one after that is told that the server is busy."""

    aws_s3_queue: int = Field(default=48, ge=0)
    """AWS: the same for S3. With `aws_connections` below `max_concurrent_rpcs`: an S3 that hangs must leave room."""

    aws_connect_timeout: Period = timedelta(seconds=1)
    """AWS: how long one try to connect may take."""

    aws_read_timeout: Period = timedelta(seconds=5)
    """AWS: how long one answer may take. Shorter gives up on slow answers that would have come."""

    aws_attempts: int = Field(default=3, ge=1)
    """AWS: tries of each call in all, with back-off. More hides longer outages, and makes callers wait."""

    fallback_dir: Path | None = None
    """AWS: folder that takes new audio while S3 does not answer. All replicas have to share it. Unset: none does."""

    fallback_threshold: int = Field(default=3, ge=1)
    """AWS: failures of S3 in a row after which new audio goes to `fallback_dir` at once, until S3 answers again."""

    fallback_patience: Period = timedelta(seconds=5)
    """AWS: how long an upload through storage waits for S3, and a second per MiB, before it goes to `fallback_dir`."""

    mirror_bucket: str = ""
    """AWS: a second bucket that gets a copy of everything, for a migration (to R2, say). Empty: none does."""

    mirror_collections: str = ""
    """AWS: collections that are copied to `mirror_bucket`, with commas between. Empty: all."""

    mirror_region: str = ""
    """AWS: region of `mirror_bucket`. Empty: that of `bucket`."""

    mirror_endpoint_url: HttpUrl | None = None
    """AWS: where the mirror's S3 is, for R2 or MinIO. Unset: AWS itself."""

    mirror_provider: ProviderName | None = None
    """AWS: whose S3 it is, as with `provider`."""

    mirror_access_key_id: str = ""
    """AWS: credentials of the mirror. Empty: those of storage."""

    mirror_secret_access_key: SecretStr | None = None
    """AWS: the same."""

    s3_uploads: bool = True
    """AWS: `false` lets all new audio go to `fallback_dir`, which is needed then. What lies in S3 stays readable."""

    failpoint: Failpoint | None = None
    """Tests only: the step of save or delete at which the process kills itself. Refused beyond loopback addresses."""

    @field_validator("bucket", "region")
    @classmethod
    def _named_with_aws(cls, value: object, info: ValidationInfo) -> object:
        return needed_with_aws(value, info)

    @model_validator(mode="after")
    def _rules_agree(self) -> Self:
        if not self.s3_uploads and self.fallback_dir is None:
            raise ValueError("s3_uploads=false needs a fallback_dir for new audio (MAYFLY_STORAGE_FALLBACK_DIR)")
        if self.accelerate and (self.endpoint_url or self.s3_endpoint_url or "." in (self.bucket or "")):
            raise ValueError("accelerate=true needs Amazon's own S3, and a bucket without a dot in its name")
        self._check_delivery()
        if self.mirror_bucket and self.backend != "aws":
            raise ValueError("mirror_bucket needs the backend aws: folders are copied by what backs up the machine")
        if bool(self.mirror_access_key_id) != (self.mirror_secret_access_key is not None):
            raise ValueError("mirror_access_key_id and mirror_secret_access_key belong together: set both, or neither")
        if unknown := set(listed(self.mirror_collections)) - set(self.collections().by_id):
            raise ValueError(f"mirror_collections names {sorted(unknown)}, which are no collections")
        if self.failpoint is not None:
            require_loopback((self.listen, self.retention_listen, self.links_listen))
        self.timing()
        self.collections()
        self.guest_budget()
        return self

    def _check_delivery(self) -> None:
        if not any((self.cdn_url, self.cdn_key_id, self.cdn_private_key)):
            return
        if self.cdn_url is None or not self.cdn_key_id or self.cdn_private_key is None:
            raise ValueError("cdn_url, cdn_key_id and cdn_private_key belong together: set all, or none")
        from mayfly_storage.backends.aws.delivery import check_key  # noqa: PLC0415 - rarely needed

        check_key(self.cdn_private_key.get_secret_value())
