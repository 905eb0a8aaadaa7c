"""An examination of the emulated bucket and table, as `mayfly-storage doctor` makes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.doctor.examination import CHECKS, AwsExamination
from mayfly_storage.backends.aws.provisioning.wishes import Wishes
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.findings import Finding

WISHES: Final = Wishes(collections=read_collections(), cors_origins=("https://app.example.com",))
"""What bucket and table are examined for."""
NAMES: Final = tuple(check.name for check in CHECKS)
"""All checks that there are, in their order."""


def now() -> datetime:
    """The emulator's own clock; a fake one stands still meanwhile."""
    return datetime.now(UTC)


async def examined(
    options: AwsOptions, session: boto3.Session, *names: str, clock: Callable[[], datetime] = now
) -> dict[str, Finding]:
    """Findings by check: of the named checks, or of all."""
    checks = tuple(replace(check, needs=()) if names else check for check in CHECKS if check.name in (names or NAMES))
    examination = AwsExamination(
        options=options, wishes=WISHES, timing=Timing(), now=clock, session=session, checks=checks
    )
    return {finding.check: finding async for finding in examination()}
