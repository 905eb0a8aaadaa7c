"""What callers did with audio is told: a line for each act, and counts, without what is personal or secret."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from grpc.aio import AioRpcError
from mayfly.storage.v1 import storage_service_pb2 as pb
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mayfly_runtime.telemetry import Telemetry
from mayfly_storage.testing import SOUND, FollowLink, LinkResponse
from mayfly_storage.testing.served import Served, serve
from mayfly_storage.testing.stage import Stage
from mayfly_storage.transport.audit import AUDIT_LOGGER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path


def follow_in_memory(stage: Stage) -> FollowLink:
    async def follow(
        method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> LinkResponse:
        return stage.memory.links.serve(method, url, headers=headers, body=body)

    return follow


@asynccontextmanager
async def measured(folder: Path, reader: InMemoryMetricReader) -> AsyncIterator[Served]:
    stage = Stage()
    telemetry = Telemetry.exporting(SimpleSpanProcessor(InMemorySpanExporter()), reader, service_name="mayfly-storage")
    async with serve(stage, stage.world, folder, follow=follow_in_memory(stage), telemetry=telemetry) as served:
        yield served
    telemetry.shutdown()


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
async def watched(
    tmp_path: Path, reader: InMemoryMetricReader, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Served]:
    caplog.set_level(logging.INFO, AUDIT_LOGGER)
    async with measured(tmp_path, reader) as served:
        yield served


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The audit log: each event with what was told of it."""
    told = ("caller", "audio", "collection", "size_bytes", "direct", "count", "outcome", "expire_time", "duration_s")
    return [
        {"event": record.getMessage()} | {name: vars(record)[name] for name in told if name in vars(record)}
        for record in caplog.records
        if record.name == AUDIT_LOGGER
    ]


def counts(reader: InMemoryMetricReader, metric: str) -> dict[str, float]:
    """The value of a counter, or how often a histogram was told, by `outcome` (else by collection)."""
    data = reader.get_metrics_data()
    found = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
    points: list[Any] = [point for m in found if m.name == metric for point in m.data.data_points]
    return {
        str(p.attributes.get("outcome", p.attributes.get("collection", ""))): getattr(p, "value", None) or p.count
        for p in points
        if getattr(p, "value", None) or getattr(p, "count", None)
    }


async def test_an_upload_is_told_from_its_grant_to_its_end(
    watched: Served, caplog: pytest.LogCaptureFixture, reader: InMemoryMetricReader
) -> None:
    saved = await watched.saved(duration={"seconds": 2})
    granted, stored = lines(caplog)
    assert granted["event"] == "audio.granted"
    assert stored == {
        "event": "audio.stored",
        "caller": "local",
        "audio": saved.name,
        "collection": "temp-audio",
        "size_bytes": len(SOUND),
        "direct": True,
        "duration_s": 2.0,
    }
    assert counts(reader, "mayfly.storage.uploads") == {"granted": 1, "stored_directly": 1}
    assert counts(reader, "mayfly.storage.upload.size") == {"temp-audio": 1}


async def test_an_upload_that_is_retried_after_its_end_is_granted_once(
    watched: Served, reader: InMemoryMetricReader
) -> None:
    request = watched.create()
    created = await watched.storage.CreateUpload(request)
    await watched.follow("PUT", created.grant.url, headers=dict(created.grant.headers), body=SOUND)
    await watched.storage.CommitUpload(pb.CommitUploadRequest(name=created.audio.name, attempt=created.grant.attempt))
    await watched.storage.CreateUpload(request)
    assert counts(reader, "mayfly.storage.uploads")["granted"] == 1


async def test_what_comes_through_storage_is_told_apart(
    watched: Served, caplog: pytest.LogCaptureFixture, reader: InMemoryMetricReader
) -> None:
    request = watched.create()
    header = pb.UploadAudioHeader(request_id=request.request_id, audio=request.audio)
    footer = pb.UploadAudioFooter(size_bytes=len(SOUND), sha256=request.sha256)
    await watched.storage.UploadAudio(
        iter(
            [
                pb.UploadAudioRequest(header=header),
                pb.UploadAudioRequest(chunk=SOUND),
                pb.UploadAudioRequest(footer=footer),
            ]
        )
    )
    [stored] = lines(caplog)
    assert (stored["event"], stored["direct"]) == ("audio.stored", False)
    assert counts(reader, "mayfly.storage.uploads") == {"stored": 1}


async def test_an_upload_that_was_given_up_is_told(
    watched: Served, caplog: pytest.LogCaptureFixture, reader: InMemoryMetricReader
) -> None:
    created = await watched.storage.CreateUpload(watched.create())
    await watched.storage.AbandonUpload(pb.AbandonUploadRequest(name=created.audio.name, attempt=created.grant.attempt))
    assert lines(caplog)[-1] == {"event": "audio.abandoned", "caller": "local", "audio": created.audio.name}
    assert counts(reader, "mayfly.storage.uploads") == {"granted": 1, "abandoned": 1}


async def test_links_are_counted_and_no_link_is_told(
    watched: Served, caplog: pytest.LogCaptureFixture, reader: InMemoryMetricReader
) -> None:
    saved, gone = await watched.saved(), await watched.saved()
    await watched.storage.DeleteAudio(pb.DeleteAudioRequest(name=gone.name))
    await watched.storage.SignUrls(pb.SignUrlsRequest(names=[saved.name, gone.name]))
    assert lines(caplog)[-1] == {"event": "audio.linked", "caller": "local", "count": 1, "audio": saved.name}
    assert counts(reader, "mayfly.storage.links") == {"signed": 1, "refused": 1}
    assert "://" not in caplog.text


async def test_a_download_says_how_far_it_came(
    watched: Served, caplog: pytest.LogCaptureFixture, reader: InMemoryMetricReader
) -> None:
    saved = await watched.saved()
    _ = [_ async for _ in watched.storage.DownloadAudio(pb.DownloadAudioRequest(name=saved.name))]
    assert lines(caplog)[-1] == {
        "event": "audio.read",
        "caller": "local",
        "audio": saved.name,
        "size_bytes": len(SOUND),
        "outcome": "read",
    }
    watched.stage.memory.blobs.objects.clear()
    with pytest.raises(AioRpcError):
        _ = [_ async for _ in watched.storage.DownloadAudio(pb.DownloadAudioRequest(name=saved.name))]
    assert (lines(caplog)[-1]["size_bytes"], lines(caplog)[-1]["outcome"]) == (0, "broken")
    assert counts(reader, "mayfly.storage.reads") == {"read": 1, "broken": 1}


async def test_a_deletion_is_told_if_there_was_anything_to_delete(
    watched: Served, caplog: pytest.LogCaptureFixture, reader: InMemoryMetricReader
) -> None:
    one, two = await watched.saved(), await watched.saved()
    names = [one.name, two.name]
    await watched.storage.BatchDeleteAudio(pb.BatchDeleteAudioRequest(names=names, validate_only=True))
    await watched.storage.DeleteAudio(pb.DeleteAudioRequest(name=one.name))
    await watched.storage.BatchDeleteAudio(pb.BatchDeleteAudioRequest(names=names))
    deleted = [line for line in lines(caplog) if line["event"] == "audio.deleted"]
    assert [(line["count"], line["audio"]) for line in deleted] == [(1, one.name), (1, two.name)]
    assert counts(reader, "mayfly.storage.deletions") == {"": 2}


async def test_forgetting_a_person_names_the_audio_and_not_the_person(
    watched: Served, caplog: pytest.LogCaptureFixture
) -> None:
    saved = await watched.saved(subject={"guest_address": "203.0.113.7"})
    await watched.storage.ForgetSubject(pb.ForgetSubjectRequest(subject={"guest_address": "203.0.113.7"}))
    assert lines(caplog)[-1]["audio"] == saved.name
    assert "203.0.113" not in caplog.text


async def test_a_moved_end_is_told(watched: Served, caplog: pytest.LogCaptureFixture) -> None:
    saved = await watched.saved()
    kept = await watched.storage.RetainAudio(pb.RetainAudioRequest(name=saved.name, ttl={"seconds": 600}))
    end = kept.audio.expire_time.ToDatetime().isoformat()
    assert lines(caplog)[-1]["expire_time"].startswith(end)


async def test_what_failed_is_not_told_as_done(watched: Served, caplog: pytest.LogCaptureFixture) -> None:
    created = await watched.storage.CreateUpload(watched.create())
    with pytest.raises(AioRpcError):
        await watched.storage.CommitUpload(
            pb.CommitUploadRequest(name=created.audio.name, attempt=created.grant.attempt)
        )
    assert [line["event"] for line in lines(caplog)] == ["audio.granted"]
