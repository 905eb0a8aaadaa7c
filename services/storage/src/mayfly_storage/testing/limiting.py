"""A stage whose guest audio has quotas, and requests that count against them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.collections import Collections
from mayfly_storage.domain.quotas import QuotaLimits, QuotaRequest, SubjectQuotas, Work
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing.stage import Stage
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    from mayfly_storage.domain.quotas import GuestBudget

GUEST: Final = Subject(guest_address="203.0.113.7")
"""Whom a request is for, unless a test says otherwise."""
USER: Final = Subject(user_id="u1")
"""Somebody with a name."""
LIMITS: Final = QuotaLimits(requests_per_minute=2, characters_per_day=100, bytes_per_day=3_000)
"""So low that a test reaches each of them."""


def a_stage(quotas: SubjectQuotas, *, budget: GuestBudget | None = None, **changes: Any) -> Stage:
    """A stage where guest audio has these quotas and no other collection has any; `changes` are fields of its row."""
    shipped = read_collections()
    rows = {name: replace(row, quotas=SubjectQuotas()) for name, row in shipped.by_id.items()}
    rows["temp-audio"] = replace(rows["temp-audio"], quotas=quotas, **changes)
    stage = Stage(collections=Collections(rows))
    if budget is not None:
        stage.world = replace(stage.world, budget=budget)
        stage.storage = StorageUseCases.over(stage.world)
    return stage


def limited() -> Stage:
    """A stage where guests have `LIMITS`, and users none."""
    return a_stage(SubjectQuotas(guests=LIMITS))


def asks(subject: Subject = GUEST, **overrides: Any) -> QuotaRequest:
    """A new request of synth for guest audio; overrides are fields of QuotaRequest."""
    facts: dict[str, Any] = {
        "caller": "synth",
        "request_id": str(uuid4()),
        "subject": subject,
        "collection": "temp-audio",
        "work": Work(),
    }
    return QuotaRequest(**(facts | overrides))
