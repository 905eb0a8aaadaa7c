"""From the sweeper's messages to results."""

from __future__ import annotations

from mayfly.sweeper.v1 import sweep_pb2
from mayfly.sweeper.v1 import sweeper_service_pb2 as pb

from mayfly_client._enums import known, value_name
from mayfly_client._results_sweeper import ReportLine, Sweep, SweepReport, SweepState
from mayfly_client._times import to_datetime
from mayfly_client.certificates import Certificate


def sweep(message: sweep_pb2.Sweep) -> Sweep:
    """A sweep as it is now."""
    return Sweep(
        name=message.name,
        state=known(SweepState, value_name(sweep_pb2.Sweep.State.Name, message.state, "STATE_")),
        dry_run=message.dry_run,
        start_time=to_datetime(message.start_time),
        end_time=to_datetime(message.end_time) if message.HasField("end_time") else None,
        report=_report(message.report),
        failure=message.failure,
        notes=tuple(message.notes),
        certificate=message.certificate or None,
    )


def certificate(message: pb.Certificate) -> Certificate:
    """A certificate as storage keeps it."""
    return Certificate(
        sequence=message.sequence,
        body=message.body,
        sha256=message.sha256.hex(),
        previous_sha256=message.previous_sha256.hex(),
        create_time=to_datetime(message.create_time),
    )


def _report(message: sweep_pb2.Report) -> SweepReport:
    return SweepReport(
        lines=tuple(_line(each) for each in message.lines),
        objects_seen=message.objects_seen,
        verified_gone=message.verified_gone,
        still_there=message.still_there,
        store_time=to_datetime(message.store_time) if message.HasField("store_time") else None,
        listings_complete=message.listings_complete,
        max_lateness_seconds=message.max_lateness_seconds,
        deleted_local=message.deleted_local,
        deleted_s3=message.deleted_s3,
        oldest_object_time=to_datetime(message.oldest_object_time) if message.HasField("oldest_object_time") else None,
    )


def _line(message: sweep_pb2.Report.Line) -> ReportLine:
    return ReportLine(
        reason=message.reason,
        found=message.found,
        deleted=message.deleted,
        already_gone=message.already_gone,
        skipped=message.skipped,
        failed=message.failed,
        size_bytes=message.size_bytes,
    )
