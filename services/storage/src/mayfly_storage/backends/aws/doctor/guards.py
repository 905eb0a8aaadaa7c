"""What provisioning sets on the bucket, and what keeps copies: compared with what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.errors import code_of
from mayfly_storage.backends.aws.provisioning.aspects import UnknownToStoreError
from mayfly_storage.backends.aws.provisioning.bucket_policy import bucket_policy, is_plaintext
from mayfly_storage.backends.aws.provisioning.changes import difference
from mayfly_storage.backends.aws.provisioning.cors import cors
from mayfly_storage.backends.aws.provisioning.lifecycle import lifecycle
from mayfly_storage.backends.aws.provisioning.privacy import encryption, public_access
from mayfly_storage.domain.findings import Finding

if TYPE_CHECKING:
    from mayfly_storage.backends.aws.doctor.patient import AwsPatient
    from mayfly_storage.backends.aws.provisioning.aspects import Aspect

_PROVISION: Final = "`mayfly-storage provision --dry-run` shows the difference, `mayfly-storage provision` mends it."
_ITSELF: Final = "See that the store has something of the kind."


async def versioning(patient: AwsPatient) -> Finding:
    """Whether a deleted object lives on as an older version."""
    return await patient.copies.versioning()


async def object_lock(patient: AwsPatient) -> Finding:
    """Whether objects may refuse to be deleted."""
    return await patient.copies.object_lock()


async def replication(patient: AwsPatient) -> Finding:
    """Whether objects are copied to where nobody sweeps."""
    return await patient.copies.replication()


async def public_access_block(patient: AwsPatient) -> Finding:
    """Whether anybody could open the bucket to everybody."""
    return await _compared(patient, public_access(), good="all four blocks are on")


async def default_encryption(patient: AwsPatient) -> Finding:
    """Whether bytes lie encrypted."""
    return await _compared(patient, encryption(patient.options), good="on")


async def policy(patient: AwsPatient) -> Finding:
    """Whether plaintext, old signatures and over-long links are refused."""
    if is_plaintext(patient.options):
        good = "as provisioned; over this endpoint without TLS, plaintext is not refused"
    else:
        good = "plaintext, old signatures and over-long links are refused"
    return await _compared(patient, bucket_policy(patient.options, patient.wishes), good=good)


async def lifecycle_rules(patient: AwsPatient) -> Finding:
    """Whether the bucket itself would delete, should no sweep run for days."""
    return await _compared(patient, lifecycle(patient.wishes), good="a rule for each folder whose audio has an end")


async def cors_rules(patient: AwsPatient) -> Finding:
    """Whether the web pages that are named may use links, and no others by our doing."""
    good = ", ".join(patient.wishes.cors_origins) or "no origins are named, so none are let in by us"
    return await _compared(patient, cors(patient.wishes), good=good)


async def features(patient: AwsPatient) -> Finding:
    """Whether the store does what the settings say of it; tried for real."""
    [finding] = await patient.probe.findings()
    return finding


async def _compared(patient: AwsPatient, aspect: Aspect, *, good: str) -> Finding:
    if aspect.name in patient.wishes.unmanaged:
        return Finding.warning("left alone, as the provider wants", "See that it is as you want it.")
    try:
        there = await patient.s3(aspect.read, patient.clients.s3, patient.options.bucket)
    except UnknownToStoreError:
        return Finding.warning("this store does not know of it", _ITSELF)
    except ClientError as error:
        return Finding.warning(f"the store does not say ({code_of(error)})", _ITSELF)
    wanted = aspect.want(there)
    if wanted == (there or type(wanted)()):
        return Finding.ok(good)
    lines = sum(line[0] in "+-" for line in difference(aspect.as_settings(there), aspect.as_settings(wanted)))
    detail = f"differs in {lines} lines from what it should be" if there else "not set"
    return Finding.failed(detail, _PROVISION)
