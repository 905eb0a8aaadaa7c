"""From sweeps to messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly.sweeper.v1 import sweep_pb2
from mayfly.sweeper.v1 import sweeper_service_pb2 as pb

from mayfly_sweeper.domain.selection import Store

if TYPE_CHECKING:
    from mayfly_sweeper.domain.certificate import Certificate
    from mayfly_sweeper.domain.report import Line, Report
    from mayfly_sweeper.domain.sweep import Sweep


def sweep(one: Sweep) -> sweep_pb2.Sweep:
    """A sweep as it is."""
    message = sweep_pb2.Sweep(
        name=one.name,
        state=sweep_pb2.Sweep.State.Value(f"STATE_{one.state}"),
        dry_run=one.order.dry_run,
        report=report(one.report),
        failure=one.failure,
        notes=one.notes,
        certificate=one.certificate,
    )
    message.start_time.FromDatetime(one.start_time)
    if one.end_time is not None:
        message.end_time.FromDatetime(one.end_time)
    return message


def report(one: Report) -> sweep_pb2.Report:
    """The counts of a sweep."""
    message = sweep_pb2.Report(
        lines=[_line(line) for line in one.lines],
        objects_seen=one.objects_seen,
        verified_gone=one.verified_gone,
        still_there=one.still_there,
        listings_complete=one.listings_complete,
        max_lateness_seconds=one.max_lateness.total_seconds(),
        deleted_local=one.deleted_by_store.get(Store.LOCAL, 0),
        deleted_s3=one.deleted_by_store.get(Store.S3, 0),
    )
    if one.store_time is not None:
        message.store_time.FromDatetime(one.store_time)
    if one.oldest_object_time is not None:
        message.oldest_object_time.FromDatetime(one.oldest_object_time)
    return message


def certificate(one: Certificate) -> pb.Certificate:
    """A certificate as storage keeps it."""
    message = pb.Certificate(
        sequence=one.sequence, body=one.body, sha256=one.sha256, previous_sha256=one.previous_sha256
    )
    message.create_time.FromDatetime(one.create_time)
    return message


def _line(line: Line) -> sweep_pb2.Report.Line:
    return sweep_pb2.Report.Line(
        reason=line.reason.value,
        found=line.found,
        deleted=line.deleted,
        already_gone=line.already_gone,
        skipped=line.skipped,
        failed=line.failed,
        size_bytes=line.size_bytes,
    )
