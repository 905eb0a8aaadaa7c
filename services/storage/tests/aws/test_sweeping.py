"""What a sweep costs: requests follow what is due, by the hundred for rows and by the thousand for objects."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import an_audio
from mayfly_storage.usecases.erasing import EraseAudio, EraseOutcome

if TYPE_CHECKING:
    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.stores import Backend

COUNT = 101


async def test_rows_are_swept_by_the_hundred_and_their_objects_all_at_once(
    backend: Backend, clock: FakeClock, wire: Wire, raw: Clients, options: AwsOptions
) -> None:
    audios = [an_audio(create_time=clock.now(), location=Location.S3) for _ in range(COUNT)]
    await asyncio.gather(*(backend.catalog.reserve(audio, None) for audio in audios))
    for audio in audios:
        raw.s3.put_object(Bucket=options.bucket, Key=audio.object_key, Body=b"never committed")
    erase = EraseAudio(catalog=backend.catalog, stores=backend.stores, timing=Timing(), now=clock.now, new_holder=str)
    clock.advance(timedelta(hours=1))
    wire.forget()

    page = await backend.catalog.list_due(clock.now(), shard=Shard(), limit=1000)
    rows = await backend.catalog.get_many([audio.name for audio in page.items])
    erasures = await erase(list(rows.values()))

    assert [erasure.outcome for erasure in erasures] == [EraseOutcome.GONE] * COUNT
    assert raw.dynamodb.scan(TableName=options.table)["Items"] == []
    assert wire.counts == Counter(
        # D1 and D4 in two transactions each: 1,000 rows take 4 + 10 + 20 requests, and the same three to S3.
        {"Query": 4, "BatchGetItem": 2, "TransactWriteItems": 4, "DeleteObjects": 1, "ListObjectsV2": 1}
    )


async def test_a_claim_whose_row_the_ttl_collected_is_given_up(
    backend: Backend, clock: FakeClock, raw: Clients, options: AwsOptions
) -> None:
    key = "users/u1/recordings/r1/audio.wav"
    audio = an_audio(create_time=clock.now(), location=Location.S3, object_key=key, claims_key=True)
    await backend.catalog.reserve(audio, None)
    row = {"date": {"S": audio.name.date}, "audio_id": {"S": audio.name.audio_id}}
    raw.dynamodb.delete_item(TableName=options.table, Key=row)
    assert await backend.catalog.find_by_keys([key]) == {key: audio.name}

    await backend.catalog.remove([audio.tombstone(clock.now())])

    assert await backend.catalog.find_by_keys([key]) == {}
