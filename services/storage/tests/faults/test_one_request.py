"""R6 across processes: 64 writers send one request at once, and there is one row."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from uuid import uuid4

from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.testing import emulated_options, emulated_session
from mayfly_storage.testing.racing import Race, racer, run
from mayfly_storage.testing.replica import provision

PROCESSES, WRITERS = 4, 16


async def test_sixty_four_writers_of_one_request_make_one_row(aws_url: str) -> None:
    """With one request record, one claim of the key that they all chose, and one note under its owner."""
    options = emulated_options(aws_url)
    provision(options)
    race = Race(aws_url, options.bucket, str(uuid4()), WRITERS)

    async with AsyncExitStack() as stack:
        racers = await asyncio.gather(*(stack.enter_async_context(racer(race)) for _ in range(PROCESSES)))
        answers: Counter[str] = sum(await asyncio.gather(*map(run, racers)), Counter())

    clients = make_clients(options, session=emulated_session())
    items = clients.dynamodb.scan(TableName=options.table, ConsistentRead=True)["Items"]
    clients.close()
    [row] = [item for item in items if "state" in item]
    assert answers == {f"audio/{row['date']['S']}/{row['audio_id']['S']}": PROCESSES * WRITERS}
    assert sorted(item["date"]["S"].partition("#")[0] for item in items) == [row["date"]["S"], "idem", "key", "own"]
