"""What a save through a grant costs storage in requests to AWS: counted where botocore sends them, retries included.

Storage serves gRPC on an emulated AWS; the client reserves quota, gets a grant, puts the bytes straight to S3, and
commits. The client's own PUT is not storage's, and is not counted.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from bench.report import Row
from bench.storage_server import emulator, now, serving
from bench.storage_set import SOUND
from mayfly_client import AsyncClient
from mayfly_client.grants import open_http, put_grant
from mayfly_storage.backends.aws.testing import Wire, emulated_options, emulated_session, open_emulated

if TYPE_CHECKING:
    import httpx

    from mayfly_client import QuotaReservation

SAVES = 20
GUEST: Final = "203.0.113.7"
_OF_S3: Final = ("HeadObject", "GetObject", "PutObject", "DeleteObjects", "ListObjectsV2")


async def count() -> tuple[Counter[str], Counter[str]]:
    """Requests of one reservation of quota, and of one save, by operation, on average of all saves."""
    session = emulated_session()
    wire = Wire(session)
    quota: Counter[str] = Counter()
    save: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        options = emulated_options(stack.enter_context(emulator()))
        backend = await stack.enter_async_context(open_emulated(options, now=now, session=session))
        target = f"127.0.0.1:{await serving(stack, backend)}"
        client = await stack.enter_async_context(AsyncClient(storage=target, timeout=60))
        http = await stack.enter_async_context(open_http())
        for _ in range(SAVES):
            wire.forget()
            paid = await client.reserve_quota("temp-audio", size_bytes=len(SOUND), guest_address=GUEST)
            quota += wire.counts
            wire.forget()
            await save_through_grant(client, http, paid)
            save += wire.counts
    return quota, save


async def save_through_grant(client: AsyncClient, http: httpx.AsyncClient, paid: QuotaReservation) -> None:
    """The three steps of an upload that is paid for."""
    upload = await client.create_upload(
        collection="temp-audio",
        content_type="audio/wav",
        size_bytes=len(SOUND),
        sha256=hashlib.sha256(SOUND).digest(),
        guest_address=GUEST,
        quota_reservation=paid.token,
    )
    assert upload.grant is not None
    await put_grant(http, upload.grant, SOUND)
    await client.commit_upload(upload.audio.name, upload.grant.attempt)


def row(name: str, requests: int, allowed: int) -> Row:
    """Requests of one save beside what is allowed."""
    return Row(
        name=name,
        unit="requests",
        measured=requests / SAVES,
        limit=allowed,
        limit_name="allowed",
        goal=1.0,
        higher_is_better=False,
    )


def run() -> list[Row]:
    """Count."""
    quota, save = asyncio.run(count())
    to_s3 = sum(save[operation] for operation in _OF_S3)
    return [
        row("DynamoDB, to save through a grant", save.total() - to_s3, 2),
        row("S3, to save through a grant", to_s3, 1),
        row("DynamoDB, to reserve quota before", quota.total(), 1),
    ]
