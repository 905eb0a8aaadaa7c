"""What operators are told: the same words as `mayfly info|usage|sweeps --json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from mayfly_gateway.clocks import iso, iso_or_none

if TYPE_CHECKING:
    from mayfly_client import Collection, CollectionUsage, StorageInfo, Sweep, SweepReport
    from mayfly_client.certificates import Certificate

_TOLD = ("proves", "last", "totals")
"""Parts of a certificate's document that the page shows; what it says of each name stays where it is."""


class CollectionShape(BaseModel):
    """A kind of audio."""

    id: str
    lifetime_seconds: float | None


class InfoShape(BaseModel):
    """The store."""

    backend: str
    bucket: str
    region: str
    fallback_active: bool
    fallback_cause: str
    collections: list[CollectionShape]


class UsageShape(BaseModel):
    """What one collection holds. Cost in US dollars in a month."""

    collection: str
    objects: int
    size_bytes: int
    monthly_cost: float


class LineShape(BaseModel):
    """Counts of one reason."""

    reason: str
    found: int
    deleted: int
    already_gone: int
    skipped: int
    failed: int
    size_bytes: int


class ReportShape(BaseModel):
    """What a sweep found and did."""

    lines: list[LineShape]
    objects_seen: int
    verified_gone: int
    still_there: int
    listings_complete: bool
    max_lateness_seconds: float


class SweepShape(BaseModel):
    """One run."""

    name: str
    state: str
    dry_run: bool
    start_time: str
    end_time: str | None
    report: ReportShape
    failure: str
    notes: list[str]
    certificate: int | None


class CertificateShape(BaseModel):
    """The evidence of one sweep."""

    sequence: int
    sha256: str
    previous_sha256: str
    create_time: str
    document: dict[str, Any]


class OperatorsState(BaseModel):
    """What is stored, what is due, and what sweeps did. Lists are newest first."""

    as_of: str
    info: InfoShape
    usage: list[UsageShape]
    due: ReportShape | None
    """What a sweep would find now; null if that could not be seen."""
    sweeps: list[SweepShape]
    certificates: list[CertificateShape]


def info_shape(info: StorageInfo) -> InfoShape:
    """The store."""
    return InfoShape(
        backend=info.backend,
        bucket=info.bucket,
        region=info.region,
        fallback_active=info.fallback_active,
        fallback_cause=info.fallback_cause,
        collections=[_collection(each) for each in info.collections],
    )


def usage_shape(usage: CollectionUsage) -> UsageShape:
    """What one collection holds."""
    return UsageShape(
        collection=usage.collection,
        objects=usage.objects,
        size_bytes=usage.size_bytes,
        monthly_cost=usage.monthly_cost,
    )


def report_shape(report: SweepReport) -> ReportShape:
    """What a sweep found and did."""
    return ReportShape(
        lines=[
            LineShape(
                reason=line.reason,
                found=line.found,
                deleted=line.deleted,
                already_gone=line.already_gone,
                skipped=line.skipped,
                failed=line.failed,
                size_bytes=line.size_bytes,
            )
            for line in report.lines
        ],
        objects_seen=report.objects_seen,
        verified_gone=report.verified_gone,
        still_there=report.still_there,
        listings_complete=report.listings_complete,
        max_lateness_seconds=report.max_lateness_seconds,
    )


def sweep_shape(sweep: Sweep) -> SweepShape:
    """One run."""
    return SweepShape(
        name=sweep.name,
        state=sweep.state.value,
        dry_run=sweep.dry_run,
        start_time=iso(sweep.start_time),
        end_time=iso_or_none(sweep.end_time),
        report=report_shape(sweep.report),
        failure=sweep.failure,
        notes=list(sweep.notes),
        certificate=sweep.certificate,
    )


def certificate_shape(one: Certificate) -> CertificateShape:
    """The evidence of one sweep."""
    document = one.document
    return CertificateShape(
        sequence=one.sequence,
        sha256=one.sha256,
        previous_sha256=one.previous_sha256,
        create_time=iso(one.create_time),
        document={name: document[name] for name in _TOLD if name in document},
    )


def _collection(each: Collection) -> CollectionShape:
    lifetime = None if each.lifetime is None else each.lifetime.total_seconds()
    return CollectionShape(id=each.id, lifetime_seconds=lifetime)
