"""Brings bucket and table to what they should be: what is missing is made, what differs is altered. Idempotent."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.clients import DYNAMODB, S3, Clients, make_clients
from mayfly_storage.backends.aws.errors import code_of, domain_errors
from mayfly_storage.backends.aws.provisioning.aspects import NOT_IMPLEMENTED
from mayfly_storage.backends.aws.provisioning.bucket import UNKNOWN_HERE, bucket_aspects, bucket_steps
from mayfly_storage.backends.aws.provisioning.changes import by_hand
from mayfly_storage.backends.aws.provisioning.privacy import public_access
from mayfly_storage.backends.aws.provisioning.table import table_details, table_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.provisioning.changes import Change, Step
    from mayfly_storage.backends.aws.provisioning.wishes import Wishes


def provision(options: AwsOptions, wishes: Wishes, *, dry_run: bool = False) -> Iterator[Change]:
    """Carry out what is to be done, and tell each change once it is done. Blocks.

    Args:
        options: Where the services are, and how to find bucket and table.
        wishes: What the bucket is to enforce.
        dry_run: Change nothing: tell what would be done.

    Raises:
        BackendUnavailableError: If a service does not answer.
        BackendMisconfiguredError: If it refuses.
    """
    clients = make_clients(options)
    try:
        yield from changes(clients, options, wishes, dry_run=dry_run)
    finally:
        clients.close()


def changes(clients: Clients, options: AwsOptions, wishes: Wishes, *, dry_run: bool = False) -> Iterator[Change]:
    """`provision` with clients that are open already."""
    of_bucket = bucket_steps(clients.s3, options, bucket_aspects(options, wishes), unmanaged=wishes.unmanaged)
    of_table = chain(table_steps(clients.dynamodb, options), table_details(clients.dynamodb, options))
    with domain_errors(S3):
        yield from _told(of_bucket, dry_run=dry_run)
    with domain_errors(DYNAMODB):
        yield from _told(of_table, dry_run=dry_run)


def ensure_bucket_and_table(clients: Clients, options: AwsOptions) -> list[str]:
    """The least that storage can run on: for tests, which make a bucket each. The titles of what was made."""
    of_bucket = bucket_steps(clients.s3, options, [public_access()] if options.features.checksums else [])
    steps = chain(of_bucket, table_steps(clients.dynamodb, options))
    return [change.title for change in _told(steps, dry_run=False)]


def _told(steps: Iterable[Step], *, dry_run: bool) -> Iterator[Change]:
    for step in steps:
        yield step.change if step.carry_out is None or dry_run else _carried_out(step.change, step.carry_out)


def _carried_out(change: Change, carry_out: Callable[[], object]) -> Change:
    """The change, once it is done, or what to do where the store answers a question and takes no order."""
    try:
        carry_out()
    except ClientError as error:
        if code_of(error) not in NOT_IMPLEMENTED:
            raise
        return by_hand(change.title, UNKNOWN_HERE).change
    return change
