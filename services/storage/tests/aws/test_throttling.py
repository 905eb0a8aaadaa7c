"""Throttling, contention and half-answered batches: borne with for a while, then told as they are (R20)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.testing import SOUND, an_audio, facts_of

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend


def error(code: str, **details: Any) -> dict[str, Any]:
    return {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "as AWS says it", **details}


def cancelled(*codes: str) -> dict[str, Any]:
    return error("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


async def test_a_throttled_write_is_tried_again(backend: Backend, audio: Audio, wire: Wire) -> None:
    wire.answer("TransactWriteItems", 400, error("ThrottlingException"), times=2)

    await backend.catalog.reserve(audio, None)

    assert wire.counts["TransactWriteItems"] == 3
    assert await backend.catalog.get_many([audio.name]) == {audio.name: audio}


@pytest.mark.parametrize(
    "code",
    ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "KeyRangeThroughputExceeded"],
)
async def test_a_transaction_that_met_another_is_tried_again(
    backend: Backend, audio: Audio, wire: Wire, code: str
) -> None:
    wire.answer("TransactWriteItems", 400, cancelled(code), times=2)

    await backend.catalog.reserve(audio, None)

    assert wire.counts["TransactWriteItems"] == 3


async def test_a_commit_that_met_a_transaction_is_tried_again(backend: Backend, audio: Audio, wire: Wire) -> None:
    await backend.catalog.reserve(audio, None)
    wire.answer("UpdateItem", 400, error("TransactionConflictException"), times=2)

    ready = await backend.catalog.make_ready(audio.ready(etag="tag"))

    assert (ready.state, wire.counts["UpdateItem"]) == (State.READY, 3)


async def test_contention_that_does_not_end_is_told(backend: Backend, audio: Audio, wire: Wire) -> None:
    wire.answer("TransactWriteItems", 400, cancelled("TransactionConflict"), times=100)

    with pytest.raises(BackendUnavailableError) as refused:
        await backend.catalog.reserve(audio, None)

    assert (refused.value.backend, wire.counts["TransactWriteItems"]) == ("DynamoDB", 7)
    assert refused.value.retry_after is not None


async def test_throttling_that_does_not_end_is_told_after_the_tries_that_are_allowed(
    backend: Backend, audio: Audio, wire: Wire
) -> None:
    wire.answer("TransactWriteItems", 400, error("ThrottlingException"), times=100)

    with pytest.raises(BackendUnavailableError):
        await backend.catalog.reserve(audio, None)

    assert wire.counts["TransactWriteItems"] == 3


async def test_keys_that_a_batch_left_out_are_asked_for_again(
    backend: Backend, audio: Audio, wire: Wire, options: AwsOptions
) -> None:
    others = [an_audio(create_time=audio.create_time, location=audio.location) for _ in range(3)]
    for each in (audio, *others):
        await backend.catalog.reserve(each, None)
    keys = [{"date": {"S": each.name.date}, "audio_id": {"S": each.name.audio_id}} for each in (audio, *others)]
    unprocessed = {options.table: {"Keys": keys, "ConsistentRead": True}}
    wire.answer("BatchGetItem", 200, {"Responses": {}, "UnprocessedKeys": unprocessed}, times=2)

    found = await backend.catalog.get_many([each.name for each in (audio, *others)])

    assert found == {each.name: each for each in (audio, *others)}
    assert wire.counts["BatchGetItem"] == 3


async def test_reads_are_consistent(backend: Backend, audio: Audio, wire: Wire, options: AwsOptions) -> None:
    await backend.catalog.get_many([audio.name])

    [request] = wire.requests("BatchGetItem")
    assert json.loads(request.body)["RequestItems"][options.table]["ConsistentRead"] is True


async def test_a_row_that_is_refused_does_not_hold_up_the_rest_of_its_batch(
    backend: Backend, wire: Wire, clock: FakeClock, audio: Audio
) -> None:
    audios = [an_audio(create_time=clock.now(), location=audio.location) for _ in range(10)]
    for each in audios[1:]:
        await backend.catalog.reserve(each, None)
    wire.forget()
    wire.answer("TransactWriteItems", 400, cancelled("None", *["TransactionConflict"] * 9))

    answers = await backend.catalog.begin_delete(audios, clock.now())

    assert answers == [None, *(each.tombstone(clock.now()) for each in audios[1:])]
    # Contended, then the one that is not there is refused, then the nine others.
    assert wire.counts["TransactWriteItems"] == 3


async def test_a_put_that_met_another_writer_is_tried_again(
    backend: Backend, audio: Audio, wire: Wire, tmp_path: Path
) -> None:
    path = tmp_path / "body"
    path.write_bytes(SOUND)
    conflict = "<Error><Code>ConditionalRequestConflict</Code><Message>try again</Message></Error>"
    wire.answer("PutObject", 409, conflict, times=2)

    blob = await backend.stores.first.blobs.put_file(audio.object_key, path, facts_of(audio))

    assert blob.attempt == audio.attempt
    assert wire.counts["PutObject"] == 3
