"""Opens the AWS backend: clients, pools, catalog, bytes and links, in order, and closes them in reverse."""

from __future__ import annotations

from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from mayfly_runtime.offload import Offload
from mayfly_storage.backends.aws.blobs import S3Blobs
from mayfly_storage.backends.aws.catalog import DynamoCatalog
from mayfly_storage.backends.aws.certificates import DynamoCertificates
from mayfly_storage.backends.aws.clients import DYNAMODB, S3, AwsCalls, Clients, make_clients
from mayfly_storage.backends.aws.copies import BucketCopies
from mayfly_storage.backends.aws.credentials import SigningCredentials
from mayfly_storage.backends.aws.deletion import ObjectDeletion
from mayfly_storage.backends.aws.delivery import CloudFrontSigner, DeliveredLinks
from mayfly_storage.backends.aws.due import DueIndex
from mayfly_storage.backends.aws.folders import DynamoFolders
from mayfly_storage.backends.aws.leased_deletion import LeasedDeletion
from mayfly_storage.backends.aws.links import S3Links
from mayfly_storage.backends.aws.listing import RowListing
from mayfly_storage.backends.aws.owned import OwnedRows
from mayfly_storage.backends.aws.parts import S3Parts
from mayfly_storage.backends.aws.patience import Patience
from mayfly_storage.backends.aws.places import ObjectPlaces
from mayfly_storage.backends.aws.presigning import BucketPresigner
from mayfly_storage.backends.aws.probing import FeatureProbe
from mayfly_storage.backends.aws.quotas import QuotaItems
from mayfly_storage.backends.aws.rows import RowFormat
from mayfly_storage.backends.aws.table import AudioTable
from mayfly_storage.backends.aws.writes import Writes
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.stores import Backend, Store, Stores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    import boto3

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.timing import Timing

_SIGNERS: Final = 2
"""Threads that sign many links, or fetch credentials: while one waits for those, another may have them already."""


@asynccontextmanager
async def open_aws(
    options: AwsOptions,
    *,
    timing: Timing,
    now: Callable[[], datetime],
    session: boto3.Session | None = None,
) -> AsyncIterator[Backend]:
    """Open the backend. It calls no service yet: `check` does.

    Args:
        options: Where the services are.
        timing: When rows are due, and when DynamoDB may collect them.
        now: The clock, which links are dated by.
        session: Carries credentials and event hooks; by default boto3's own chain of credentials.
    """
    async with AsyncExitStack() as stack:
        after_the_pools = stack.enter_context(ExitStack())
        s3_pool = _pool(stack, "s3", options.connections, options.s3_queue)
        dynamodb_pool = _pool(stack, "dynamodb", options.connections, options.queue)
        # Of its own: a thousand links must not wait for a store that hangs.
        signing_pool = _pool(stack, "signing", _SIGNERS, options.queue)
        clients = await s3_pool(make_clients, options, session=session)
        after_the_pools.callback(clients.close)
        dynamodb_calls = AwsCalls(DYNAMODB, dynamodb_pool)
        table = AudioTable(clients.dynamodb, dynamodb_calls, name=options.table, patience=Patience())
        s3_calls = AwsCalls(S3, s3_pool)
        store = _store(options, clients, calls=s3_calls, signing=AwsCalls(S3, signing_pool), now=now)
        yield Backend(
            name="aws",
            bucket=options.bucket,
            region=options.region,
            catalog=_catalog(options, table, timing=timing, now=now),
            stores=Stores(primary=Location.S3, by_location={Location.S3: store}),
            certificates=DynamoCertificates(table=table, lifetime=timing.certificate_lifetime, now=now),
            audit=BucketCopies(s3=clients.s3, calls=s3_calls, bucket=options.bucket),
            folders=DynamoFolders(table),
            claims=FeatureProbe(s3=clients.s3, calls=s3_calls, options=options),
        )


async def open_bucket(
    stack: AsyncExitStack,
    options: AwsOptions,
    *,
    now: Callable[[], datetime],
    session: boto3.Session | None,
    location: Location,
) -> tuple[Store, BucketCopies]:
    """A bucket without a table, with pools of its own, and what reads back its settings; closed with the stack."""
    after_the_pools = stack.enter_context(ExitStack())
    name = location.value.lower()
    pool = _pool(stack, name, options.connections, options.s3_queue)
    signing = _pool(stack, f"{name}-signing", _SIGNERS, options.queue)
    clients = await pool(make_clients, options, session=session)
    after_the_pools.callback(clients.close)
    calls = AwsCalls(location.value, pool)
    store = Store(
        blobs=_blobs(options, clients, calls, now=now, location=location),
        links=_links(options, clients, AwsCalls(location.value, signing), now=now),
    )
    return store, BucketCopies(s3=clients.s3, calls=calls, bucket=options.bucket)


def _pool(stack: AsyncExitStack, name: str, workers: int, queue: int) -> Offload:
    """A pool, closed with the stack."""
    pool = Offload(name=name, workers=workers, queue=queue)
    stack.push_async_callback(pool.shutdown)
    return pool


def _catalog(options: AwsOptions, table: AudioTable, *, timing: Timing, now: Callable[[], datetime]) -> DynamoCatalog:
    rows = RowFormat(timing=timing, bucket=options.bucket, due_buckets=options.due_buckets)
    return DynamoCatalog(
        table=table,
        writes=Writes(options.table, rows),
        quotas=QuotaItems(options.table),
        listing=RowListing(table, OwnedRows(table, now)),
        due=DueIndex(table, rows),
        now=now,
    )


def _blobs(
    options: AwsOptions,
    clients: Clients,
    calls: AwsCalls,
    *,
    now: Callable[[], datetime],
    location: Location = Location.S3,
) -> S3Blobs:
    places = ObjectPlaces(clients.s3, calls, bucket=options.bucket)
    leased = LeasedDeletion(
        clients.leased,
        calls,
        presigner=BucketPresigner(clients.s3, bucket=options.bucket, region=options.region),
        credentials=_signing(options, clients, now=now),
        at_once=options.connections,
        now=now,
    )
    return S3Blobs(
        options,
        places=places,
        deletion=ObjectDeletion(places, conditional=options.features.conditional_deletes),
        leased=leased,
        patience=Patience(),
        location=location,
    )


def _links(options: AwsOptions, clients: Clients, calls: AwsCalls, *, now: Callable[[], datetime]) -> S3Links:
    presigner = BucketPresigner(clients.links, bucket=options.bucket, region=options.region)
    credentials = _signing(options, clients, now=now)
    return S3Links(options, presigner=presigner, credentials=credentials, calls=calls, now=now)


def _store(
    options: AwsOptions, clients: Clients, *, calls: AwsCalls, signing: AwsCalls, now: Callable[[], datetime]
) -> Store:
    """The bucket that belongs to the table."""
    links = _links(options, clients, signing, now=now)
    return Store(
        blobs=_blobs(options, clients, calls, now=now),
        links=_delivered(options, links, signing, now=now),
        parts=S3Parts(options, clients.s3, calls, links=links),
    )


def _delivered(
    options: AwsOptions, links: S3Links, calls: AwsCalls, *, now: Callable[[], datetime]
) -> S3Links | DeliveredLinks:
    """The same links, or those through the distribution."""
    if options.delivery is None:
        return links
    signer = CloudFrontSigner(options.delivery)
    return DeliveredLinks(links, signer, calls=calls, remembered=options.remembered_links, now=now)


def _signing(options: AwsOptions, clients: Clients, *, now: Callable[[], datetime]) -> SigningCredentials:
    return SigningCredentials(
        clients.credentials, now=now, session_lifetime=options.session_lifetime, window=options.url_window
    )
