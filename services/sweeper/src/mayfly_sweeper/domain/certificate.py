"""The evidence of a sweep: what it deleted, item by item, and what the store itself said of it.

A certificate is a canonical JSON text. It names the hash of the one before it, so that none can be changed, left out or
slipped in later without all that follow telling. Nothing in it is personal: items are named by opaque ids, and objects
without one by the hash of their key.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mayfly_sweeper.domain.items import DueItem, PurgeResult
    from mayfly_sweeper.domain.report import Report
    from mayfly_sweeper.domain.sweep import Ending, SweepOrder

FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate as storage keeps it."""

    sequence: int
    """Its place in the chain, from 1."""
    body: bytes
    sha256: bytes
    previous_sha256: bytes
    create_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatePage:
    """One page of the chain, newest first."""

    certificates: tuple[Certificate, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting of the store that could keep copies of what is deleted."""

    name: str
    seen: str
    deletes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """The store as it says it is."""

    backend: str
    bucket: str
    region: str
    settings: tuple[Setting, ...] = ()


def canonical(document: dict[str, Any]) -> bytes:
    """One text for one document: sorted keys, no spaces, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def entry(item: DueItem, result: PurgeResult) -> dict[str, Any]:
    """What a certificate says of one item."""
    named = {"name": item.name} if item.name else {"key_sha256": hashlib.sha256(item.object_key.encode()).hexdigest()}
    told: dict[str, Any] = {
        **named,
        "reason": item.reason.value,
        "outcome": result.outcome.value,
        "verified": result.verified,
        "bytes": result.size_bytes,
    }
    if item.due_time is not None:
        told["due"] = iso(item.due_time)
    if result.failure:
        told["failure"] = result.failure
    return told


def order_facts(order: SweepOrder, *, planned: bool) -> dict[str, Any]:
    """What the sweep was asked to look at."""
    selection = order.selection
    return {
        "passes": order.passes.value,
        "planned": planned,
        "collection": selection.collection,
        # A prefix may hold a user's id.
        "path_sha256": hashlib.sha256(selection.path.encode()).hexdigest() if selection.path else "",
        "store": selection.store.value if selection.store else "",
        "older_than_seconds": selection.older_than.total_seconds(),
        "shard": f"{selection.shard.index}/{selection.shard.count}",
    }


def store_facts(store: StoreFacts) -> dict[str, Any]:
    """What deletion rests on."""
    return {
        "backend": store.backend,
        "bucket": store.bucket,
        "region": store.region,
        "settings": [{"name": one.name, "seen": one.seen, "deletes": one.deletes} for one in store.settings],
    }


def totals(ending: Ending) -> dict[str, Any]:
    """What the whole sweep came to."""
    report = ending.report
    return {
        "state": ending.state.value,
        "found": report.found,
        "deleted": report.deleted,
        "already_gone": report.already_gone,
        "skipped": report.skipped,
        "failed": report.failed,
        "bytes": report.size_bytes,
        "deleted_by_store": dict(report.deleted_by_store),
        "verified_gone": report.verified_gone,
        "still_there": report.still_there,
        "unverified": report.unverified,
        "objects_seen": report.objects_seen,
        "listings_complete": report.listings_complete,
        "oldest_object_left": iso(report.oldest_object_time) if report.oldest_object_time else None,
        "max_lateness_seconds": report.max_lateness.total_seconds(),
    }


def proves(report: Report, order: SweepOrder, store: StoreFacts | None, *, planned: bool) -> bool:
    """Whether it shows that nothing that was due is left: it looked at everything, and all of it was gone."""
    looked_at_all = order.is_whole and not planned and report.listings_complete
    return looked_at_all and report.is_clean and store is not None and all(one.deletes for one in store.settings)


def iso(time: datetime) -> str:
    """RFC 3339 in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
