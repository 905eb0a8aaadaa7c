"""What operators are told: the same words as `mayfly info|usage|sweeps --json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mayfly_gateway.clocks import IsoTime, IsoTimeOrNone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

_TOLD = ("proves", "last", "totals")
"""Parts of a certificate's document that the page shows; what it says of each name stays where it is."""


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def _shown(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in _TOLD if name in document}


class Told(BaseModel):
    """Made of what the client answers, attribute by attribute."""

    model_config = ConfigDict(from_attributes=True)


class CollectionShape(Told):
    """A kind of audio."""

    id: str
    lifetime_seconds: Annotated[float | None, BeforeValidator(_seconds)] = Field(validation_alias="lifetime")


class InfoShape(Told):
    """The store."""

    backend: str
    bucket: str
    region: str
    fallback_active: bool
    fallback_cause: str
    collections: list[CollectionShape]


class UsageShape(Told):
    """What one collection holds. Cost in US dollars in a month."""

    collection: str
    objects: int
    size_bytes: int
    monthly_cost: float


class LineShape(Told):
    """Counts of one reason."""

    reason: str
    found: int
    deleted: int
    already_gone: int
    skipped: int
    failed: int
    size_bytes: int


class ReportShape(Told):
    """What a sweep found and did."""

    lines: list[LineShape]
    objects_seen: int
    verified_gone: int
    still_there: int
    listings_complete: bool
    max_lateness_seconds: float


class SweepShape(Told):
    """One run."""

    name: str
    state: str
    dry_run: bool
    start_time: IsoTime
    end_time: IsoTimeOrNone
    report: ReportShape
    failure: str
    notes: list[str]
    certificate: int | None


class CertificateShape(Told):
    """The evidence of one sweep."""

    sequence: int
    sha256: str
    previous_sha256: str
    create_time: IsoTime
    document: Annotated[dict[str, Any], BeforeValidator(_shown)]


class OperatorsState(Told):
    """What is stored, what is due, and what sweeps did. Lists are newest first."""

    as_of: IsoTime
    info: InfoShape
    usage: list[UsageShape]
    due: ReportShape | None
    """What a sweep would find now; null if that could not be seen."""
    sweeps: list[SweepShape]
    certificates: list[CertificateShape]
