"""What the AWS backend needs to be told. Credentials are not among it: boto3 finds them by its own chain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from mayfly_storage.backends.aws.features import ALL_FEATURES, AddressingStyle, StoreFeatures

if TYPE_CHECKING:
    from mayfly_storage.backends.aws.delivery import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsOptions:
    """Where the stores are, and how patient storage is with them."""

    bucket: str
    region: str
    """Always explicit: a guessed region signs links that the store refuses."""
    table: str = "tts_temp_audio"
    s3_endpoint_url: str | None = None
    """None: AWS. Otherwise R2, MinIO or an emulator; links lead there too, so callers must be able to reach it."""
    dynamodb_endpoint_url: str | None = None
    addressing_style: AddressingStyle = "auto"
    """How the bucket stands in a URL; many S3-like stores want `path`."""
    encryption: Literal["AES256", "aws:kms"] | None = None
    """What every PUT asks for. None: what the bucket does by default."""
    kms_key_id: str | None = None
    accelerate: bool = False
    """Links and grants lead to S3's transfer acceleration."""
    delivery: Delivery | None = None
    """Links lead to a CloudFront distribution. None: to the bucket."""
    single_put_bytes: int = 50 * 1024**2
    """Larger audio is put in parts. S3 takes 5 GiB in one PUT; a broken one has to begin again."""
    part_bytes: int = 16 * 1024**2
    """How much a part has, at least: the rest of the whole is the last one."""
    features: StoreFeatures = ALL_FEATURES
    """What the store enforces by itself. To claim what it does not do is to break promises: see `probing`."""
    scratch_prefix: str = "temp-audio/"
    """Where features may be tried: a folder that storage may write to, and that is swept."""
    due_buckets: int = 4
    """Partitions of the index of due rows; each takes about 1,000 writes a second. Only ever raise it: rows in buckets
    above the number are found by the object listing alone."""
    connections: int = 16
    """Calls at a time, to each of the two services. More helps only while the network is the bottleneck."""
    queue: int = 256
    """Calls that may wait for a connection to DynamoDB; the one after that is told that the server is busy."""
    s3_queue: int = 48
    """The same for S3. With those that run, fewer than the RPCs that a server admits: where the store hangs, there has
    to be room left for RPCs that need none of it."""
    connect_timeout: timedelta = timedelta(seconds=1)
    read_timeout: timedelta = timedelta(seconds=5)
    attempts: int = 3
    """Tries of each call in all, by the SDK, with back-off."""
    url_window: timedelta = timedelta(minutes=5)
    """For how long links that end with a session are the same; see `session_lifetime`."""
    remembered_links: int = 8192
    """Signed links that are kept for the next who asks: about 2 KiB each with a session token."""
    session_lifetime: timedelta = timedelta(minutes=15)
    """How long temporary credentials are trusted that do not say when they end (a token from the environment)."""
