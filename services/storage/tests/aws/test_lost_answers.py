"""A write that happened and was not answered: nobody may take his own success for somebody else's (P8, R21)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ReadTimeoutError

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import (
    BackendUnavailableError,
    ObjectKeyTakenError,
    RequestSeenError,
    StateChangedError,
)
from mayfly_storage.domain.ports import BlobTarget, DeleteOutcome
from mayfly_storage.testing import SOUND, a_request, an_audio, facts_of

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

KEY = "audio/users/u/s/segment_001.wav"


async def test_a_reserve_whose_answer_was_lost_succeeds_once(backend: Backend, audio: Audio, wire: Wire) -> None:
    claimed = replace(audio, object_key=KEY, claims_key=True)
    request = a_request(claimed)
    wire.lose_answer("TransactWriteItems")

    await backend.catalog.reserve(claimed, request)

    assert wire.counts["TransactWriteItems"] == 2
    assert await backend.catalog.get_many([claimed.name]) == {claimed.name: claimed}
    assert await backend.catalog.find_by_keys([KEY]) == {KEY: claimed.name}


async def test_a_replacement_whose_answer_was_lost_succeeds_once(backend: Backend, audio: Audio, wire: Wire) -> None:
    second = an_audio(create_time=audio.create_time, location=audio.location)
    request = a_request(audio)
    await backend.catalog.reserve(audio, request)
    wire.lose_answer("TransactWriteItems")

    await backend.catalog.reserve(second, replace(request, name=second.name), replaces=audio.name)

    found = await backend.catalog.find_request(request.caller, request.request_id, audio.create_time)
    assert found == replace(request, name=second.name)


async def test_the_sdk_retries_a_transaction_with_the_token_of_its_first_try(
    backend: Backend, audio: Audio, wire: Wire
) -> None:
    """DynamoDB then answers the retry with success by itself; a new call has a new token."""
    wire.lose_answer("TransactWriteItems")
    await backend.catalog.reserve(audio, None)
    with pytest.raises(RequestSeenError):
        await _reserve_twice(backend, audio)

    bodies = [json.loads(request.body) for request in wire.requests("TransactWriteItems")]
    tokens = [body["ClientRequestToken"] for body in bodies]
    assert tokens[0] == tokens[1]
    assert len(set(tokens[1:])) == len(tokens[1:])


async def _reserve_twice(backend: Backend, audio: Audio) -> None:
    first, second = (an_audio(create_time=audio.create_time, location=audio.location) for _ in range(2))
    request = a_request(first)
    await backend.catalog.reserve(first, request)
    await backend.catalog.reserve(second, replace(request, name=second.name))


async def test_a_lost_answer_does_not_hide_that_the_key_is_taken(backend: Backend, audio: Audio, wire: Wire) -> None:
    holder = replace(audio, object_key=KEY, claims_key=True)
    rival = an_audio(create_time=audio.create_time, location=audio.location, object_key=KEY, claims_key=True)
    await backend.catalog.reserve(holder, None)
    wire.fail("TransactWriteItems", _timeout())

    with pytest.raises(ObjectKeyTakenError):
        await backend.catalog.reserve(rival, a_request(rival))


async def test_a_reserve_that_was_never_answered_can_be_repeated_by_its_caller(
    backend: Backend, audio: Audio, wire: Wire, clock: FakeClock
) -> None:
    request = a_request(audio)
    wire.lose_answer("TransactWriteItems")
    wire.fail("TransactWriteItems", _timeout(), times=2)
    with pytest.raises(BackendUnavailableError):
        await backend.catalog.reserve(audio, request)
    clock.advance(timedelta(minutes=11))  # DynamoDB has forgotten the token by now

    await backend.catalog.reserve(audio, request)

    assert await backend.catalog.get_many([audio.name]) == {audio.name: audio}


async def test_a_commit_whose_answer_was_lost_answers_the_ready_row(backend: Backend, audio: Audio, wire: Wire) -> None:
    await backend.catalog.reserve(audio, None)
    wire.lose_answer("UpdateItem")

    assert await backend.catalog.make_ready(audio.ready(etag="tag")) == audio.ready(etag="tag")
    assert wire.counts["UpdateItem"] == 2


async def test_a_lost_answer_does_not_let_another_attempt_commit(backend: Backend, audio: Audio, wire: Wire) -> None:
    await backend.catalog.reserve(audio, None)
    wire.fail("UpdateItem", _timeout())

    with pytest.raises(StateChangedError):
        await backend.catalog.make_ready(replace(audio, attempt="another").ready(etag="tag"))


async def test_a_deletion_whose_answer_was_lost_answers_its_tombstones(
    backend: Backend, audio: Audio, wire: Wire, clock: FakeClock
) -> None:
    stale = an_audio(create_time=audio.create_time, location=audio.location)
    await backend.catalog.reserve(audio, None)
    await backend.catalog.reserve(stale, None)
    wire.lose_answer("TransactWriteItems")

    answers = await backend.catalog.begin_delete([audio], clock.now())

    assert answers == [audio.tombstone(clock.now())]
    assert (await backend.catalog.get_many([stale.name]))[stale.name].state is State.PENDING


async def test_a_removal_whose_answer_was_lost_is_done(
    backend: Backend, audio: Audio, wire: Wire, clock: FakeClock
) -> None:
    claimed = replace(audio, object_key=KEY, claims_key=True)
    await backend.catalog.reserve(claimed, None)
    tombstones = [row for row in await backend.catalog.begin_delete([claimed], clock.now()) if row]
    wire.lose_answer("TransactWriteItems")
    await backend.catalog.mark_bytes_gone(tombstones)
    wire.lose_answer("TransactWriteItems")

    await backend.catalog.remove(tombstones)

    assert await backend.catalog.get_many([audio.name]) == {}
    assert await backend.catalog.find_by_keys([KEY]) == {}


async def test_a_put_whose_answer_was_lost_recognises_its_own_object(
    backend: Backend, audio: Audio, wire: Wire, tmp_path: Path
) -> None:
    path = tmp_path / "body"
    path.write_bytes(SOUND)
    wire.lose_answer("PutObject")

    blob = await backend.stores.first.blobs.put_file(audio.object_key, path, facts_of(audio))

    assert (wire.counts["PutObject"], wire.counts["HeadObject"]) == (2, 1)
    assert (blob.size_bytes, blob.sha256, blob.attempt) == (len(SOUND), audio.sha256, audio.attempt)
    assert await backend.stores.first.blobs.head(audio.object_key) == blob


async def test_a_deletion_of_bytes_whose_answer_was_lost_is_deleted(
    backend: Backend, audio: Audio, wire: Wire, tmp_path: Path
) -> None:
    path = tmp_path / "body"
    path.write_bytes(SOUND)
    await backend.stores.first.blobs.put_file(audio.object_key, path, facts_of(audio))
    wire.lose_answer("DeleteObjects")

    assert await backend.stores.first.blobs.delete_many([BlobTarget(key=audio.object_key)]) == [DeleteOutcome.DELETED]


def _timeout() -> Exception:
    return ReadTimeoutError(endpoint_url="http://lost.invalid")
