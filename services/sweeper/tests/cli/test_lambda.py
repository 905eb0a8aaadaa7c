"""The Lambda door: a process of its own, as the runtime of Lambda is one."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mayfly_sweeper.testing import FakeRetention

RUNTIME = """
import json, sys
from mayfly_sweeper.aws_lambda import lambda_handler

class Context:
    def get_remaining_time_in_millis(self):
        return int(sys.argv[2])

try:
    print(json.dumps(lambda_handler(json.loads(sys.argv[1]), Context())))
except Exception as error:
    print(json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}))
"""

Invoke = "Callable[..., Awaitable[dict[str, Any]]]"


@pytest.fixture
def invoke(environment: Callable[..., dict[str, str]]) -> Any:
    async def call(event: Any, *, left: int = 60_000, **settings: str) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            RUNTIME,
            json.dumps(event),
            str(left),
            env=environment(**settings),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        answer: dict[str, Any] = json.loads(out)
        return answer

    return call


EVENTBRIDGE = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}


@pytest.mark.parametrize("event", [None, {}, EVENTBRIDGE])
async def test_a_schedule_sweeps_everything(invoke: Any, store: FakeRetention, event: Any) -> None:
    store.add("audio/1")

    answer = await invoke(event)

    assert store.left == set()
    assert (answer["state"], answer["report"]["verified_gone"]) == ("CLEAN", 1)


async def test_an_event_may_ask_for_less(invoke: Any, store: FakeRetention) -> None:
    store.add("audio/old", late=2 * 86_400, object_key="temp-audio/x")
    store.add("audio/new", object_key="temp-audio/y")
    store.add("audio/other", late=2 * 86_400, object_key="debug/z")

    assert (await invoke({"dry_run": True}))["report"]["deleted_by_store"] == {"LOCAL": 3}
    await invoke({"days": 1, "path": "temp-audio/"})

    assert store.left == {"audio/new", "audio/other"}


@pytest.mark.parametrize("days", [-1, 800_000, float("inf")])
async def test_a_wrong_event_is_told(invoke: Any, store: FakeRetention, days: float) -> None:
    store.add("audio/1")

    answer = await invoke({"dry_run": "yes", "days": days})

    assert answer["errorType"] == "EventError"
    assert "dry_run" in answer["errorMessage"]
    assert "days" in answer["errorMessage"]
    assert store.left == {"audio/1"}


async def test_a_guard_fails_the_invocation(invoke: Any, store: FakeRetention) -> None:
    store.add("audio/1")
    store.add("audio/2")

    answer = await invoke({"max_delete_count": 1})

    assert answer["errorType"] == "SweepFailedError"
    assert json.loads(answer["errorMessage"])["state"] == "GUARDED"
    assert len(store.left) == 2


async def test_a_storage_that_is_away_fails_the_invocation(invoke: Any) -> None:
    answer = await invoke({}, retention_target="127.0.0.1:1", call_timeout="1s")
    assert answer["errorType"] == "SweepFailedError"


async def test_the_functions_time_bounds_the_sweep(invoke: Any, store: FakeRetention) -> None:
    for number in range(3):
        store.add(f"audio/{number}")

    def one_more(method: str) -> None:
        # There is always more to do: only the time ends this sweep.
        if method == "purge":
            store.add(f"audio/more-{len(store.calls)}", late=0)

    store.before_call = one_more
    answer = await invoke({}, left=11_000, page_size="1", time_budget="1h")

    assert answer["state"] == "PARTIAL"
    assert "The time budget of 1" in answer["notes"][0]
