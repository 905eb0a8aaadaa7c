"""What operators do with a store besides serving from it: provision, print a policy, examine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mayfly_storage.opening import aws_options
from mayfly_storage.setting_types import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mayfly_storage.backends.aws.provisioning.changes import Change
    from mayfly_storage.backends.aws.provisioning.wishes import Wishes
    from mayfly_storage.config import StorageSettings


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


def role_policy(settings: StorageSettings) -> dict[str, Any]:
    """The IAM policy of storage's role, as JSON.

    Raises:
        NothingToAskError: With a backend that has no roles.
    """
    if settings.backend != "aws":
        raise NothingToAskError(settings.backend)
    from mayfly_storage.backends.aws.provisioning.role_policy import role_policy as of_role  # noqa: PLC0415 - as above

    return of_role(aws_options(settings), _wishes(settings))


def _wishes(settings: StorageSettings) -> Wishes:
    from mayfly_storage.backends.aws.provisioning.wishes import Wishes  # noqa: PLC0415 - as above

    return Wishes(
        collections=settings.collections(),
        cors_origins=listed(settings.cors_origins),
        principals=listed(settings.principals),
    )
