"""R30: all that storage does, at DEBUG, with canaries for what is secret or personal: none of them is told."""

from __future__ import annotations

import io
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx
import pytest
from grpc.aio import AioRpcError
from mayfly.storage.v1 import retention_service_pb2 as retention_pb
from mayfly.storage.v1 import storage_service_pb2 as pb
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mayfly_runtime import logs
from mayfly_runtime.telemetry import Telemetry
from mayfly_storage.backends.embedded.backend import open_embedded
from mayfly_storage.backends.embedded.options import EmbeddedOptions, LinkServerOptions
from mayfly_storage.domain.privacy import AddressPolicy, Privacy, TextPolicy
from mayfly_storage.testing import SOUND, LinkResponse
from mayfly_storage.testing.served import Served, serve
from mayfly_storage.testing.stage import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from mayfly_storage.domain.stores import Backend

TEXT, ADDRESS, USER = "canary-text-4f1d", "203.0.113.99", "canary-user-77aa"
TOKEN, SECRET = "canary-session-token-0b0b", "canary-secret-access-key-1c1c"
PRIVACY_SECRET = b"canary-privacy-secret-which-is-long-enough"
KEPT = Privacy(secret=PRIVACY_SECRET, texts=TextPolicy.KEPT, addresses=AddressPolicy.RAW)
"""The settings that keep the most: what is kept must not be told either."""


@dataclass
class Watched:
    """All that leaves the process beside its answers."""

    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    metrics: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    log: io.StringIO = field(default_factory=io.StringIO)
    errors: list[str] = field(default_factory=list)
    canaries: set[str] = field(default_factory=lambda: {TEXT, ADDRESS, TOKEN, SECRET, PRIVACY_SECRET.decode()})

    def told(self) -> dict[str, str]:
        spans = " ".join(span.to_json() for span in self.spans.get_finished_spans())
        data = self.metrics.get_metrics_data()
        return {
            "spans": spans,
            "metrics": data.to_json() if data else "",
            "log": self.log.getvalue(),
            "errors": " ".join(self.errors),
        }

    def signs(self, url: str) -> None:
        """Remember what stands in a link and is a secret."""
        query = parse_qs(urlsplit(url).query)
        for name in ("sig", "X-Amz-Signature", "X-Amz-Security-Token"):
            self.canaries.update(query.get(name, []))


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched, root = Watched(), logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    logs.configure(level="DEBUG", format="json", stream=watched.log)
    [ours] = [handler for handler in root.handlers if handler not in handlers]
    # The emulator is in this process, and is none of storage.
    ours.addFilter(lambda record: not record.name.startswith(("moto", "werkzeug")))
    yield watched
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
    root.setLevel(level)


@asynccontextmanager
async def on_files(stage: Stage, folder: Path, _: str) -> AsyncIterator[Backend]:
    options = EmbeddedOptions(data_dir=folder / "data", links=LinkServerOptions(listen="127.0.0.1:0"))
    async with open_embedded(options, timing=stage.timing, now=stage.clock.now) as backend:
        yield backend


@asynccontextmanager
async def on_s3(stage: Stage, _: Path, url: str) -> AsyncIterator[Backend]:
    from mayfly_storage.backends.aws.testing import emulated_options, open_emulated  # noqa: PLC0415 - slow to load

    session = boto3.Session("ASIACANARY", SECRET, TOKEN)
    stage.clock.advance(datetime.now(UTC) - stage.clock.now())
    async with open_emulated(emulated_options(url), now=stage.clock.now, session=session) as backend:
        yield backend


@asynccontextmanager
async def serving(
    opening: AbstractAsyncContextManager[Backend], stage: Stage, folder: Path, watched: Watched
) -> AsyncIterator[Served]:
    telemetry = Telemetry.exporting(SimpleSpanProcessor(watched.spans), watched.metrics, service_name="mayfly-storage")
    async with opening as backend, httpx.AsyncClient(timeout=60) as http:

        async def follow(
            method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
        ) -> LinkResponse:
            watched.signs(url)
            answer = await http.request(method, url, headers=headers, content=body)
            return LinkResponse(status=answer.status_code, body=answer.content)

        world = replace(stage.world, backend=backend)
        async with serve(stage, world, folder, follow=follow, telemetry=telemetry) as served:
            yield served
    telemetry.shutdown()


async def fails(watched: Watched, call: Any) -> None:
    with pytest.raises(AioRpcError) as failed:
        await call
    watched.errors.append(f"{failed.value.details()} {failed.value.trailing_metadata()!r}")


async def everything(served: Served, watched: Watched) -> None:
    """Each RPC, in peace and in error, with what is personal in every field that takes it."""
    guest = {"guest_address": ADDRESS}
    storage, retention = served.storage, served.retention
    saved = await served.saved(text=TEXT, subject=guest)
    recording = await served.saved(
        collection="recordings", key_fields={"recording_id": "r1"}, subject={"user_id": USER}, text=TEXT
    )
    await storage.ReserveQuota(
        pb.ReserveQuotaRequest(
            request_id=served.create().request_id, subject=guest, collection="temp-audio", characters=5
        )
    )
    [signed] = (await storage.SignUrls(pb.SignUrlsRequest(names=[saved.name]))).results
    await served.follow("GET", signed.signed_url.url)
    await served.follow("GET", signed.signed_url.url.replace("=", "=1", 1))
    await storage.GetAudio(pb.GetAudioRequest(name=saved.name))
    await storage.ListAudio(pb.ListAudioRequest(subject=guest))
    _ = [_ async for _ in storage.DownloadAudio(pb.DownloadAudioRequest(name=saved.name))]
    await storage.RetainAudio(pb.RetainAudioRequest(name=saved.name, ttl={"seconds": 600}))
    await storage.GetUsage(pb.GetUsageRequest())
    await in_error(served, watched, guest)
    await storage.ForgetSubject(pb.ForgetSubjectRequest(subject={"user_id": USER}))
    await storage.DeleteAudio(pb.DeleteAudioRequest(name=recording.name))
    served.clock.advance(timedelta(days=2))
    due = await retention.ListExpired(retention_pb.ListExpiredRequest())
    await retention.PurgeAudio(retention_pb.PurgeAudioRequest(items=due.items))
    await retention.ListOrphans(retention_pb.ListOrphansRequest())


async def in_error(served: Served, watched: Watched, guest: dict[str, str]) -> None:
    storage = served.storage
    wrong = served.create(text=TEXT, subject=guest, collection="nowhere")
    await fails(watched, storage.CreateUpload(wrong))
    await fails(watched, storage.CreateUpload(served.create(text=TEXT * 500, subject=guest)))
    await fails(watched, storage.CreateUpload(served.create(text=TEXT, subject={"guest_address": f"{ADDRESS}\n" * 9})))
    request = served.create(text=TEXT, subject=guest)
    created = await storage.CreateUpload(request)
    watched.signs(created.grant.url)
    watched.canaries.add(created.grant.attempt)
    request.audio.text = f"{TEXT} changed"
    await fails(watched, storage.CreateUpload(request))
    commit = pb.CommitUploadRequest(name=created.audio.name, attempt=created.grant.attempt)
    await fails(watched, storage.CommitUpload(commit))
    headers = {**created.grant.headers, "Content-Length": str(len(SOUND) - 1)}
    await served.follow("PUT", created.grant.url, headers=headers, body=SOUND[:-1])
    await fails(watched, storage.CommitUpload(pb.CommitUploadRequest(name=created.audio.name, attempt="other")))
    await fails(watched, storage.GetAudio(pb.GetAudioRequest(name=created.audio.name)))


@pytest.mark.parametrize("opened", [on_files, on_s3], ids=["files", "s3"])
async def test_nothing_secret_and_nothing_personal_is_told_to_anybody(
    opened: Any, tmp_path: Path, aws_url: str, watched: Watched
) -> None:
    stage = Stage(privacy=KEPT)
    async with serving(opened(stage, tmp_path, aws_url), stage, tmp_path, watched) as served:
        await everything(served, watched)

    told = watched.told()
    assert all(told.values()), "something was not watched at all"
    hits = [(where, canary) for where, text in told.items() for canary in watched.canaries if canary in text]
    assert hits == []
