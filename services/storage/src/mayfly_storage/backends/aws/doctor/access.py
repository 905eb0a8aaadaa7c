"""Who we are, what time it is, and whether the bucket is where we look for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.credentials import SigningCredentials
from mayfly_storage.backends.aws.errors import code_of
from mayfly_storage.domain.findings import Finding

if TYPE_CHECKING:
    from botocore.credentials import Credentials

    from mayfly_storage.backends.aws.doctor.patient import AwsPatient

_SECOND: Final = timedelta(seconds=1)
_SKEW: Final = timedelta(seconds=2)
"""Links end this much earlier or later than they say, at most, before it is worth a word."""
_REFUSED_SKEW: Final = timedelta(minutes=15)
"""S3 refuses requests whose date is further off."""
_SHORT: Final = timedelta(minutes=15)
_NO_BUCKET: Final = "Make it: `mayfly-storage provision`; or correct MAYFLY_STORAGE_BUCKET."


async def credentials(patient: AwsPatient) -> Finding:
    """Whether there are any, where they come from, and how long they live. Never what they are."""
    found = patient.clients.credentials
    if found is None:
        return Finding.failed(
            "none were found", "Give storage a role, a profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    return await patient.s3(_life_of, found, patient)


def _life_of(found: Credentials, patient: AwsPatient) -> Finding:
    now = patient.now()
    lifetime = patient.options.session_lifetime
    end = SigningCredentials(found, now=lambda: now, session_lifetime=lifetime).snapshot().end
    if end is None:
        return Finding.ok(f"from {found.method}; they do not end by themselves, so rotate them")
    if not isinstance(found, RefreshableCredentials):
        return Finding.warning(
            f"from {found.method}; temporary, and they do not say until when",
            f"No link will live longer than {lifetime}. Use a role or a profile: those say it, and are refreshed.",
        )
    if end - now < _SHORT:
        return Finding.warning(
            f"from {found.method}; they end at {end:%H:%M:%S} UTC",
            "No link lives longer: see why they are not renewed.",
        )
    return Finding.ok(f"from {found.method}; until {end:%Y-%m-%d %H:%M} UTC, and refreshed before")


async def clock(patient: AwsPatient) -> Finding:
    """How far our clock is off the store's."""
    before = patient.now()
    store = await patient.s3(_date_of_store, patient)
    after = patient.now()
    # The store says whole seconds, and answered at some moment in between.
    skew = max(before - (store + _SECOND), store - after, timedelta(0))
    if skew <= _SKEW:
        return Finding.ok(f"at most {skew.total_seconds() + 1:.0f} s off the store's")
    detail = f"{skew.total_seconds():.0f} s off the store's"
    remedy = "Synchronise this machine's clock (chrony, systemd-timesyncd): links end by the store's."
    return Finding.failed(detail, remedy) if skew > _REFUSED_SKEW else Finding.warning(detail, remedy)


def _date_of_store(patient: AwsPatient) -> datetime:
    try:
        metadata: Any = patient.clients.s3.head_bucket(Bucket=patient.options.bucket)["ResponseMetadata"]
    except ClientError as error:  # a refusal has a date as well
        metadata = error.response["ResponseMetadata"]
        if "date" not in metadata.get("HTTPHeaders", {}):
            raise
    return parsedate_to_datetime(metadata["HTTPHeaders"]["date"]).astimezone(UTC)


async def bucket(patient: AwsPatient) -> Finding:
    """Whether it is there, and ours to use."""
    name = patient.options.bucket
    try:
        await patient.s3(patient.clients.s3.head_bucket, Bucket=name)
    except ClientError as error:
        if code_of(error) != "404":
            raise
        return Finding.failed(f"there is no bucket {name}", _NO_BUCKET)
    return Finding.ok(f"{name} answers")


async def region(patient: AwsPatient) -> Finding:
    """Whether links are signed for where the bucket lies."""
    asked = patient.options.region
    answer = await patient.s3(patient.clients.s3.head_bucket, Bucket=patient.options.bucket)
    there = answer.get("BucketRegion", asked)
    if there == asked:
        return Finding.ok(asked)
    return Finding.failed(f"the bucket lies in {there}, not in {asked}", f"Set MAYFLY_STORAGE_REGION={there}.")
