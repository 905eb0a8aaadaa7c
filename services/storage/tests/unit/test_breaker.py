"""The breaker: what opens it, what closes it, and what operators see of it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from mayfly_runtime.refusals import ServerBusyError
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError
from mayfly_storage.domain.fallback import BUSY, Fallback
from mayfly_storage.fallback_gauges import offer_fallback
from mayfly_storage.readiness import check_backend
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.stage import Stage

if TYPE_CHECKING:
    from pathlib import Path

DOWN = BackendUnavailableError("S3", cause="ConnectTimeoutError")
DENIED = BackendMisconfiguredError("S3", "AccessDenied")


@pytest.fixture
def stage() -> Stage:
    return Stage(with_fallback=True)


@pytest.fixture
def fallback(stage: Stage) -> Fallback:
    assert stage.fallback is not None
    return stage.fallback


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sound"
    path.write_bytes(SOUND)
    return path


def metrics(reader: InMemoryMetricReader) -> list[Any]:
    data: Any = reader.get_metrics_data()
    return list(data.resource_metrics[0].scope_metrics[0].metrics)


async def test_one_answer_ends_it(stage: Stage, fallback: Fallback, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mayfly.storage.fallback")
    first = stage.memory.backend.stores.first.blobs
    stage.memory.blobs.failure = DOWN
    for _ in range(3):
        with pytest.raises(BackendUnavailableError):
            await first.check()
    stage.clock.advance(timedelta(seconds=42))
    stage.memory.blobs.failure = None
    await first.check()
    assert (await stage.reserved()).location is Location.S3
    told: list[Any] = [(record.getMessage(), vars(record)["cause"]) for record in caplog.records]
    assert told == [("fallback.began", "ConnectTimeoutError"), ("fallback.ended", "ConnectTimeoutError")]
    assert vars(caplog.records[-1])["lasted_s"] == 42


async def test_a_refusal_is_an_answer(stage: Stage, fallback: Fallback) -> None:
    first = stage.memory.backend.stores.first.blobs
    for failure in (DOWN, DOWN, DENIED, DOWN, DOWN):
        stage.memory.blobs.failure = failure
        with pytest.raises(type(failure)):
            await first.check()
    assert not fallback.is_active


async def test_a_large_upload_may_take_longer(fallback: Fallback) -> None:
    assert fallback.patience_with(40_000) == timedelta(seconds=5)
    assert fallback.patience_with(50 * 1024**2) == timedelta(seconds=55)


async def test_a_check_that_cannot_even_begin_is_a_failure_and_no_reason_to_be_unready(
    stage: Stage, fallback: Fallback
) -> None:
    stage.memory.blobs.failure = ServerBusyError("S3 slots", limit=64)
    for _ in range(3):
        await check_backend(stage.world.backend, within=timedelta(seconds=1))
    assert fallback.outage is not None
    assert fallback.outage.cause == BUSY


async def test_metrics_say_whether_it_is_active_and_what_went_there_why(
    stage: Stage, fallback: Fallback, file: Path
) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    offer_fallback(provider.get_meter("test"), fallback)
    stage.memory.blobs.failure = DOWN
    await stage.storage.store_file(stage.wish(), file)
    told: list[Any] = [
        (metric.name, dict(point.attributes), point.value)
        for metric in metrics(reader)
        for point in metric.data.data_points
    ]
    provider.shutdown()
    assert told == [
        ("mayfly.storage.fallback.active", {}, 0),
        ("mayfly.storage.fallback.stored", {"cause": "ConnectTimeoutError"}, 1),
    ]
