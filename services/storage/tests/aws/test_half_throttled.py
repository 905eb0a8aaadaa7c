"""R20: DynamoDB throttles every second request, in each of the ways that it has. Nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest
from grpc import StatusCode

from mayfly_runtime.errors import status_of
from mayfly_storage.backends.aws.throttling import ThrottledRetries
from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.testing import an_audio
from mayfly_storage.transport.errors import DOMAIN, ERROR_TABLE

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

    Cases = Callable[[int], range]

MOST_TRIES: Final = 4
CODES: Final = (
    *("ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"),
    "KeyRangeThroughputExceeded",
)
REASONS: Final = ("ThrottlingError", "ProvisionedThroughputExceeded", "KeyRangeThroughputExceeded")
OPERATIONS: Final = ("TransactWriteItems", "UpdateItem", "BatchGetItem", "Query")


class Throttle:
    """Answers half of the requests by itself; counts how often each call was tried."""

    def __init__(self, wire: Wire, chance: random.Random) -> None:
        self.tries: Counter[str] = Counter()
        self._chance = chance
        for operation in OPERATIONS:
            wire.stand_in(operation, lambda request, operation=operation: self._judge(operation, request), times=50_000)

    def _judge(self, operation: str, request: AWSPreparedRequest) -> AWSResponse | None:
        headers: Any = request.headers
        self.tries[str(headers["amz-sdk-invocation-id"])] += 1
        if self._chance.random() < 0.5:
            return None
        return _answer(request, *self._refusal(operation, request))

    def _refusal(self, operation: str, request: AWSPreparedRequest) -> tuple[int, dict[str, Any]]:
        asked: Any = json.loads(request.body or b"{}")
        if operation == "TransactWriteItems" and self._chance.random() < 0.5:
            reasons = [{"Code": "None"} for _ in asked["TransactItems"]]
            self._chance.choice(reasons)["Code"] = self._chance.choice(REASONS)
            return 400, _error("TransactionCanceledException", CancellationReasons=reasons)
        if operation == "BatchGetItem" and self._chance.random() < 0.5:
            return 200, {"Responses": {}, "UnprocessedKeys": asked["RequestItems"]}
        return 400, _error(self._chance.choice(CODES))


async def test_nothing_that_was_acknowledged_is_lost_when_half_of_all_requests_are_throttled(
    backend: Backend, wire: Wire, clock: FakeClock, chance: random.Random, cases: Cases
) -> None:
    throttle = Throttle(wire, chance)
    audios = [an_audio(create_time=clock.now(), location=backend.stores.primary) for _ in cases(24)]

    outcomes = []
    for start in range(0, len(audios), 8):
        outcomes += await asyncio.gather(*(_save(backend, audio) for audio in audios[start : start + 8]))

    assert set(throttle.tries.values()) <= set(range(1, MOST_TRIES + 1))
    wire.forget_plans()
    kept = await backend.catalog.get_many([audio.name for audio in audios])
    assert {audio.name for audio in outcomes if audio is not None} <= kept.keys()
    assert all(kept[audio.name] == audio for audio in outcomes if audio is not None)
    assert Counter(audio is None for audio in outcomes)[False] > len(audios) // 3


async def _save(backend: Backend, audio: Audio) -> Audio | None:
    """READY, or told to come back: nothing else."""
    try:
        await backend.catalog.reserve(audio, None)
        return await backend.catalog.make_ready(audio.ready(etag="tag"))
    except BackendUnavailableError as error:
        status = status_of(error, domain=DOMAIN, table=ERROR_TABLE)
        kinds = {detail.TypeName() for detail in status.details}
        assert (status.code, "google.rpc.RetryInfo" in kinds) == (StatusCode.UNAVAILABLE.value[0], True)
        return None


@pytest.mark.parametrize("reason", REASONS)
async def test_a_cancelled_transaction_is_tried_as_often_as_any_throttled_call(
    backend: Backend, audio: Audio, wire: Wire, reason: str
) -> None:
    body = _error("TransactionCanceledException", CancellationReasons=[{"Code": reason}])
    wire.answer("TransactWriteItems", 400, body, times=100)

    with pytest.raises(BackendUnavailableError) as refused:
        await backend.catalog.reserve(audio, None)

    assert (wire.counts["TransactWriteItems"], refused.value.retry_after is None) == (3, False)
    tokens = {json.loads(request.body)["ClientRequestToken"] for request in wire.requests("TransactWriteItems")}
    assert len(tokens) == 1


async def test_keys_that_are_left_out_for_ever_are_asked_for_four_times(
    backend: Backend, audio: Audio, wire: Wire
) -> None:
    def leave_out(request: AWSPreparedRequest) -> AWSResponse:
        asked: Any = json.loads(request.body or b"{}")
        return _answer(request, 200, {"Responses": {}, "UnprocessedKeys": asked["RequestItems"]})

    wire.stand_in("BatchGetItem", leave_out, times=100)

    with pytest.raises(BackendUnavailableError):
        await backend.catalog.get_many([audio.name])

    assert wire.counts["BatchGetItem"] == MOST_TRIES


def test_no_call_is_held_up_for_two_seconds() -> None:
    """R20's figure, by the longest pauses that there can be."""
    retries = ThrottledRetries(attempts=3, jitter=lambda: 1.0)

    pauses = [retries(response=(None, _thrown("ThrottlingException")), attempts=number) for number in (1, 2, 3)]

    assert pauses == [0.2, 0.4, None]


def test_a_table_that_throttles_everybody_is_not_asked_three_times_as_often() -> None:
    retries = ThrottledRetries(attempts=3, jitter=lambda: 0.0)

    tried = [retries(response=(None, _thrown("ThrottlingException")), attempts=1) for _ in range(1_000)]
    retries(response=(None, {}), attempts=1)  # one that came through
    again = [retries(response=(None, _thrown("ThrottlingException")), attempts=1) for _ in range(2)]

    assert (sum(pause is not None for pause in tried), again) == (200, [0.0, None])


def _thrown(code: str) -> dict[str, Any]:
    return {"Error": {"Code": code}}


def _error(code: str, **details: Any) -> dict[str, Any]:
    return {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "as AWS says it", **details}


def _answer(request: AWSPreparedRequest, status: int, body: object) -> AWSResponse:
    from mayfly_storage.backends.aws.testing import response_to  # noqa: PLC0415 - moto is slow to load

    return response_to(request, status, json.dumps(body))
