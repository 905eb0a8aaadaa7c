"""The list of checks, and the examination that asks them one after the other."""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mayfly_runtime.offload import Offload
from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.clients import DYNAMODB, S3, AwsCalls, make_clients
from mayfly_storage.backends.aws.copies import BucketCopies
from mayfly_storage.backends.aws.doctor import access, guards, table
from mayfly_storage.backends.aws.doctor.patient import AwsPatient
from mayfly_storage.backends.aws.probing import CHECK, FeatureProbe
from mayfly_storage.http_exchange import HttpExchange
from mayfly_storage.usecases.examining import Check, examine
from mayfly_storage.usecases.round_trips import RoundTrips, doctors_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    import boto3

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.provisioning.wishes import Wishes
    from mayfly_storage.domain.findings import Finding
    from mayfly_storage.domain.timing import Timing

_BUCKET: Final = ("credentials", "bucket")
_TABLE: Final = ("credentials", "table")

CHECKS: Final[tuple[Check[AwsPatient], ...]] = (
    Check(name="credentials", ask=access.credentials),
    Check(name="clock", ask=access.clock, needs=("credentials",)),
    Check(name="bucket", ask=access.bucket, needs=("credentials",)),
    Check(name="region", ask=access.region, needs=_BUCKET),
    Check(name="versioning", ask=guards.versioning, needs=_BUCKET),
    Check(name="object lock", ask=guards.object_lock, needs=_BUCKET),
    Check(name="replication", ask=guards.replication, needs=_BUCKET),
    Check(name="public access", ask=guards.public_access_block, needs=_BUCKET),
    Check(name="encryption", ask=guards.default_encryption, needs=_BUCKET),
    Check(name="bucket policy", ask=guards.policy, needs=_BUCKET),
    Check(name="lifecycle", ask=guards.lifecycle_rules, needs=_BUCKET),
    Check(name="cors", ask=guards.cors_rules, needs=_BUCKET),
    Check(name="table", ask=table.schema, needs=("credentials",)),
    Check(name="ttl", ask=table.ttl, needs=_TABLE),
    Check(name="backups", ask=table.backups, needs=_TABLE),
    Check(name="orphans", ask=table.belonging, needs=(*_BUCKET, "table")),
    Check(name=CHECK, ask=guards.features, needs=_BUCKET),
    Check(name="permissions", ask=lambda patient: patient.trips.through_storage(), needs=(*_BUCKET, "table")),
    Check(name="links", ask=lambda patient: patient.trips.through_links(), needs=(*_BUCKET, "table")),
    Check(name="parts", ask=lambda patient: patient.trips.through_parts(), needs=(*_BUCKET, "table")),
)
"""In the order in which one would mend them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsExamination:
    """Examines one bucket and one table. Storage may serve meanwhile."""

    options: AwsOptions
    wishes: Wishes
    timing: Timing
    now: Callable[[], datetime]
    session: boto3.Session | None = None
    """Carries credentials and event hooks; by default boto3's own chain of credentials."""
    checks: tuple[Check[AwsPatient], ...] = CHECKS

    async def __call__(self) -> AsyncIterator[Finding]:
        """Findings as they come."""
        async with AsyncExitStack() as stack:
            patient = await self._patient(stack)
            async for finding in examine(patient, self.checks):
                yield finding

    async def _patient(self, stack: AsyncExitStack) -> AwsPatient:
        pool = Offload(name="doctor", workers=2, queue=16)
        stack.push_async_callback(pool.shutdown)
        clients = await pool(make_clients, self.options, session=self.session)
        stack.callback(clients.close)
        s3 = AwsCalls(S3, pool)
        return AwsPatient(
            options=self.options,
            wishes=self.wishes,
            clients=clients,
            s3=s3,
            dynamodb=AwsCalls(DYNAMODB, pool),
            copies=BucketCopies(s3=clients.s3, calls=s3, bucket=self.options.bucket),
            probe=FeatureProbe(s3=clients.s3, calls=s3, options=self.options),
            trips=await self._trips(stack, HttpExchange(offload=pool)),
            now=self.now,
        )

    async def _trips(self, stack: AsyncExitStack, http: HttpExchange) -> RoundTrips:
        opening = open_aws(self.options, timing=self.timing, now=self.now, session=self.session)
        backend = await stack.enter_async_context(opening)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mayfly-doctor-")))
        world = doctors_world(backend, collections=self.wishes.collections, timing=self.timing, now=self.now)
        return RoundTrips(world=world, http=http, scratch=scratch)
