"""What a moved expiry means for DynamoDB's own garbage collection, and for answers that get lost."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.timing import Timing

if TYPE_CHECKING:
    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

MARGIN = Timing().tombstone_margin
KEY = "users/u1/recordings/r1/audio.wav"


def ttls(raw: Clients, options: AwsOptions) -> dict[str, Any]:
    """The `ttl` of every item, by its sort key."""
    items = raw.dynamodb.scan(TableName=options.table, ConsistentRead=True)["Items"]
    return {each["audio_id"]["S"]: each.get("ttl", {}).get("N") for each in items}


async def ready(backend: Backend, audio: Audio) -> Audio:
    await backend.catalog.reserve(audio, None)
    return await backend.catalog.make_ready(audio.ready(etag="tag"))


@pytest.mark.parametrize("ends", [timedelta(hours=1), None])
async def test_neither_the_row_nor_its_claim_is_collected_before_the_new_end(
    backend: Backend, raw: Clients, options: AwsOptions, audio: Audio, clock: FakeClock, ends: timedelta | None
) -> None:
    expire_time = clock.now() + ends if ends else None
    chosen = await ready(backend, replace(audio, object_key=KEY, claims_key=True, expire_time=expire_time))
    end = clock.now() + timedelta(days=30)

    await backend.catalog.retain(chosen, end)

    assert ttls(raw, options) == {
        chosen.name.audio_id: str(math.ceil((end + MARGIN).timestamp())),
        KEY: str(math.ceil((end + 2 * MARGIN).timestamp())),
    }


async def test_a_claim_that_was_lost_is_made_anew(
    backend: Backend, raw: Clients, options: AwsOptions, audio: Audio, clock: FakeClock
) -> None:
    chosen = await ready(backend, replace(audio, object_key=KEY, claims_key=True))
    (claim,) = [each for each in raw.dynamodb.scan(TableName=options.table)["Items"] if each["audio_id"]["S"] == KEY]
    raw.dynamodb.delete_item(TableName=options.table, Key={name: claim[name] for name in ("date", "audio_id")})

    await backend.catalog.retain(chosen, clock.now() + timedelta(hours=1))

    assert await backend.catalog.find_by_keys([KEY]) == {KEY: chosen.name}


@pytest.mark.parametrize(
    ("chosen", "operation"),
    [({}, "UpdateItem"), ({"object_key": KEY, "claims_key": True}, "TransactWriteItems")],
)
async def test_a_move_whose_answer_was_lost_succeeds_once(
    backend: Backend, audio: Audio, clock: FakeClock, wire: Wire, chosen: dict[str, Any], operation: str
) -> None:
    given = await ready(backend, replace(audio, **chosen))
    wire.forget()
    wire.lose_answer(operation)

    kept = await backend.catalog.retain(given, clock.now() + timedelta(hours=1))

    assert wire.counts[operation] == 2
    assert await backend.catalog.get_many([given.name]) == {given.name: kept}
