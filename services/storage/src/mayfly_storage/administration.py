"""What operators do with a store besides serving from it: provision, print a policy, examine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.agreement import examine_folder, retire_folder
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import StorageError
from mayfly_storage.domain.findings import Finding, Verdict
from mayfly_storage.opening import aws_options, embedded_options, mirror_options, mirror_session, unmanaged
from mayfly_storage.setting_types import listed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from mayfly_storage.backends.aws.provisioning.changes import Change
    from mayfly_storage.backends.aws.provisioning.wishes import Wishes
    from mayfly_storage.config import StorageSettings


_MIRROR: Final = "Check the settings MAYFLY_STORAGE_MIRROR_*, and the rights of its credentials."
_DOCTOR: Final = "Try it with storage's own credentials: `mayfly-storage doctor`."


class NothingToAskError(Exception):
    """The command concerns another backend than the one that is configured."""

    def __init__(self, backend: str) -> None:
        """Take the backend's name."""
        super().__init__(f"the backend {backend} has no use for this; it needs MAYFLY_STORAGE_BACKEND=aws")


def provision(settings: StorageSettings, *, dry_run: bool) -> Iterator[Change]:
    """Make what the backend needs and does not make itself; each change once it is done. Blocks.

    Raises:
        BackendUnavailableError: AWS does not answer.
        BackendMisconfiguredError: AWS refuses.
    """
    if settings.backend == "aws":
        from mayfly_storage.backends.aws.provision import provision as provision_aws  # noqa: PLC0415 - imports boto3

        yield from provision_aws(aws_options(settings), _wishes(settings), dry_run=dry_run)


async def try_store(settings: StorageSettings) -> Sequence[Finding]:
    """What provisioning does not mend: copies that the bucket keeps, and what the store does by itself, tried for real.

    Nothing where there is no store of others.
    """
    if settings.backend != "aws":
        return ()
    from mayfly_storage.backends.aws.backend import open_aws  # noqa: PLC0415 - imports boto3

    async with open_aws(aws_options(settings), timing=settings.timing(), now=_now) as backend:
        try:
            copies = await backend.audit.findings() if backend.audit is not None else ()
            claims = await backend.claims.findings() if backend.claims is not None else ()
        except StorageError as error:
            # Who may provision need not be allowed to write audio.
            return (replace(Finding.warning(str(error), _DOCTOR), check="features"),)
        return [*(each for each in copies if each.verdict is not Verdict.OK), *claims]


async def retire_fallback(settings: StorageSettings, *, lose: bool) -> str:
    """Give the fallback's folder up; its identity, empty if there was none.

    Raises:
        NothingToAskError: With a backend that has no fallback.
        FolderInUseError: If audio lies there, unless it may be lost.
    """
    if settings.backend != "aws":
        raise NothingToAskError(settings.backend)
    from mayfly_storage.backends.aws.backend import open_aws  # noqa: PLC0415 - imports boto3

    async with open_aws(aws_options(settings), timing=settings.timing(), now=_now) as backend:
        return await retire_folder(backend, lose=lose)


def role_policy(settings: StorageSettings) -> dict[str, Any]:
    """The IAM policy of storage's role, as JSON.

    Raises:
        NothingToAskError: With a backend that has no roles.
    """
    if settings.backend != "aws":
        raise NothingToAskError(settings.backend)
    from mayfly_storage.backends.aws.provisioning.role_policy import role_policy as of_role  # noqa: PLC0415 - as above

    return of_role(aws_options(settings), _wishes(settings))


async def examine(settings: StorageSettings) -> AsyncIterator[Finding]:
    """What an examination finds, one by one. Storage may serve meanwhile.

    Raises:
        DataFolderError: The embedded backend cannot use its folder at all.
    """
    if settings.backend == "aws":
        from mayfly_storage.backends.aws.doctor.examination import AwsExamination  # noqa: PLC0415 - imports boto3

        aws = AwsExamination(
            options=aws_options(settings), wishes=_wishes(settings), timing=settings.timing(), now=_now
        )
        findings = aws()
    else:
        from mayfly_storage.backends.embedded.doctor.examination import (  # noqa: PLC0415 - imports an HTTP server
            EmbeddedExamination,
        )

        embedded = EmbeddedExamination(
            options=embedded_options(settings),
            collections=settings.collections(),
            timing=settings.timing(),
            now=_now,
        )
        findings = embedded()
    async for finding in findings:
        yield finding
    if settings.backend == "aws":
        yield await _folder(settings)
    if settings.backend == "aws" and settings.mirror_bucket:
        for finding in await _mirror(settings):
            yield finding


async def _folder(settings: StorageSettings) -> Finding:
    from mayfly_storage.backends.aws.backend import open_aws  # noqa: PLC0415 - imports boto3

    async with open_aws(aws_options(settings), timing=settings.timing(), now=_now) as backend:
        try:
            return await examine_folder(backend, configured=settings.fallback_dir is not None)
        except StorageError as error:
            return replace(Finding.skipped(str(error)), check="fallback")


async def _mirror(settings: StorageSettings) -> Sequence[Finding]:
    """Whether the mirror's bucket can be used, and keeps nothing of what is deleted."""
    from mayfly_storage.backends.aws.backend import open_aws  # noqa: PLC0415 - imports boto3
    from mayfly_storage.backends.mirror import AuditOfBoth, with_mirror  # noqa: PLC0415 - as above

    opening = open_aws(aws_options(settings), timing=settings.timing(), now=_now)
    session = mirror_session(settings)
    async with with_mirror(opening, mirror_options(settings), now=_now, session=session) as backend:
        try:
            await backend.stores.by_location[Location.MIRROR].blobs.check()
        except StorageError as error:
            return [replace(Finding.failed(str(error), _MIRROR), check="mirror")]
        answers = replace(Finding.ok(f"{settings.mirror_bucket} answers"), check="mirror")
        audit = backend.audit
        return [answers, *(await audit.of_mirror() if isinstance(audit, AuditOfBoth) else ())]


def _now() -> datetime:
    return datetime.now(UTC)


def _wishes(settings: StorageSettings) -> Wishes:
    from mayfly_storage.backends.aws.provisioning.wishes import Wishes  # noqa: PLC0415 - as above

    return Wishes(
        collections=settings.collections(),
        cors_origins=listed(settings.cors_origins),
        principals=listed(settings.principals),
        distribution=settings.cdn_distribution,
        access_log_bucket=settings.access_log_bucket,
        unmanaged=unmanaged(settings),
    )
