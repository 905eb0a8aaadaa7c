"""SweeperService over the shelf of the fake storage."""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING

import grpc
from mayfly.sweeper.v1 import sweep_pb2
from mayfly.sweeper.v1 import sweeper_service_pb2 as pb
from mayfly.sweeper.v1.sweeper_service_pb2_grpc import SweeperServiceServicer

from mayfly_client._fake.kinds import kind_of
from mayfly_client._fake.refusal import Refusal, invalid
from mayfly_client._fake.shelf import check_request_id
from mayfly_client._fake.transport.storage_messages import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from mayfly_client._fake.shelf import Item, Shelf

_DEFAULT_PAGE, _MAX_PAGE = 20, 100


class FakeSweeperServicer(SweeperServiceServicer):
    """Sweeps at once; watching shows the sweep at its beginning and at its end."""

    def __init__(self, shelf: Shelf, now: Callable[[], datetime]) -> None:
        self._shelf = shelf
        self._now = now
        self._sweeps: dict[str, sweep_pb2.Sweep] = {}
        self._requests: dict[str, str] = {}
        self._certificates: list[pb.Certificate] = []
        self._lock = threading.Lock()

    def StartSweep(self, request: pb.StartSweepRequest, context: grpc.ServicerContext) -> pb.StartSweepResponse:
        """See the contract."""
        check_request_id(request.request_id)
        if request.max_delete_count < 0:
            raise invalid("max_delete_count", "must not be negative")
        if request.collection:
            kind_of(request.collection, field="collection")
        with self._lock:
            if request.request_id not in self._requests:
                sweep = self._swept(request)
                self._sweeps[sweep.name] = sweep
                self._requests[request.request_id] = sweep.name
            sweep = self._sweeps[self._requests[request.request_id]]
        return pb.StartSweepResponse(sweep=_begun(sweep))

    def WatchSweep(
        self, request: pb.WatchSweepRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchSweepResponse]:
        """See the contract."""
        sweep = self._find(request.name)
        yield pb.WatchSweepResponse(sweep=_begun(sweep))
        yield pb.WatchSweepResponse(sweep=sweep)

    def GetSweep(self, request: pb.GetSweepRequest, context: grpc.ServicerContext) -> pb.GetSweepResponse:
        """See the contract."""
        return pb.GetSweepResponse(sweep=self._find(request.name))

    def ListSweeps(self, request: pb.ListSweepsRequest, context: grpc.ServicerContext) -> pb.ListSweepsResponse:
        """See the contract."""
        if request.page_size < 0:
            raise invalid("page_size", "must not be negative")
        with self._lock:
            sweeps = list(reversed(self._sweeps.values()))
        start = int(request.page_token or 0)
        end = start + min(request.page_size or _DEFAULT_PAGE, _MAX_PAGE)
        return pb.ListSweepsResponse(sweeps=sweeps[start:end], next_page_token=str(end) if end < len(sweeps) else "")

    def ListCertificates(
        self, request: pb.ListCertificatesRequest, context: grpc.ServicerContext
    ) -> pb.ListCertificatesResponse:
        """See the contract."""
        if request.page_size < 0:
            raise invalid("page_size", "must not be negative")
        with self._lock:
            newest_first = self._certificates[::-1]
        start = int(request.page_token or 0)
        end = start + min(request.page_size or _DEFAULT_PAGE, _MAX_PAGE)
        more = str(end) if end < len(newest_first) else ""
        return pb.ListCertificatesResponse(certificates=newest_first[start:end], next_page_token=more)

    def _certify(self, sweep: sweep_pb2.Sweep, gone: list[tuple[str, Item]]) -> None:
        """The chain of the real sweeper, with as much in it as a caller's test can look at."""
        previous = self._certificates[-1].sha256 if self._certificates else b""
        results = [
            {"name": item.name, "reason": reason, "outcome": "DELETED", "verified": True} for reason, item in gone
        ]
        document = {
            "format": 1,
            "sweep": sweep.name,
            "results": results,
            "totals": {"state": "CLEAN", "deleted": len(gone), "verified_gone": len(gone), "max_lateness_seconds": 0},
            "proves": True,
            "previous_sha256": previous.hex(),
        }
        body = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
        sweep.certificate = len(self._certificates) + 1
        self._certificates.append(
            pb.Certificate(
                sequence=sweep.certificate,
                body=body,
                sha256=hashlib.sha256(body).digest(),
                previous_sha256=previous,
                create_time=timestamp(self._now()),
            )
        )

    def _find(self, name: str) -> sweep_pb2.Sweep:
        if not name:
            raise invalid("name", "is required")
        with self._lock:
            if name in self._sweeps:
                return self._sweeps[name]
        raise Refusal(
            code=grpc.StatusCode.NOT_FOUND,
            reason="SWEEP_NOT_FOUND",
            message=f"no sweep is named {name!r}",
            metadata={"name": name},
        )

    def _swept(self, request: pb.StartSweepRequest) -> sweep_pb2.Sweep:
        due = [each for each in self._shelf.due() if _is_asked_for(each[1], request, self._now())]
        sweep = sweep_pb2.Sweep(
            name=f"sweeps/{uuid.uuid4()}",
            state=sweep_pb2.Sweep.STATE_CLEAN,
            dry_run=request.dry_run,
            start_time=timestamp(self._now()),
            end_time=timestamp(self._now()),
        )
        if not request.dry_run and 0 < request.max_delete_count < len(due):
            sweep.state = sweep_pb2.Sweep.STATE_GUARDED
            sweep.failure = f"{len(due)} items are due, and max_delete_count is {request.max_delete_count}"
            return sweep
        if not request.dry_run:
            for _, item in due:
                self._shelf.remove(item.name)
        due += [("REQUESTED", item) for item in self._shelf.deleted(forget=not request.dry_run)]
        if not request.dry_run:
            self._certify(sweep, due)
        sweep.report.CopyFrom(self._report(due, dry_run=request.dry_run))
        return sweep

    def _report(self, due: list[tuple[str, Item]], *, dry_run: bool) -> sweep_pb2.Report:
        by_reason: dict[str, list[Item]] = defaultdict(list)
        for reason, item in due:
            by_reason[reason].append(item)
        return sweep_pb2.Report(
            lines=[
                sweep_pb2.Report.Line(
                    reason=reason,
                    found=len(items),
                    deleted=len(items),
                    size_bytes=sum(each.size_bytes for each in items),
                )
                for reason, items in by_reason.items()
            ],
            objects_seen=len(due),
            verified_gone=0 if dry_run else len(due),
            store_time=timestamp(self._now()),
            listings_complete=True,
            deleted_local=len(due),
        )


def _is_asked_for(item: Item, request: pb.StartSweepRequest, now: datetime) -> bool:
    # The fake keeps everything in its own memory: nothing of it lies in S3.
    return (
        request.collection in {"", item.kind.id}
        and item.object_key.startswith(request.object_key_prefix)
        and request.store != pb.StartSweepRequest.STORE_S3
        and item.due_time <= now - request.older_than.ToTimedelta()
    )


def _begun(sweep: sweep_pb2.Sweep) -> sweep_pb2.Sweep:
    return sweep_pb2.Sweep(
        name=sweep.name,
        state=sweep_pb2.Sweep.STATE_RUNNING,
        dry_run=sweep.dry_run,
        start_time=sweep.start_time,
    )
