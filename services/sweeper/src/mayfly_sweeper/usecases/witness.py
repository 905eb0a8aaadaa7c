"""Who writes the certificate of a sweep while it goes on."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from mayfly_sweeper.domain import certificate as form
from mayfly_sweeper.domain.errors import CertificateConflictError, StorageError
from mayfly_sweeper.domain.items import Outcome
from mayfly_sweeper.domain.sweep import SweepState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from mayfly_sweeper.domain.certificate import StoreFacts
    from mayfly_sweeper.domain.items import DueItem, PurgeResult
    from mayfly_sweeper.domain.ports import Certificates, Retention
    from mayfly_sweeper.domain.sweep import Ending, SweepOrder

_log = logging.getLogger("mayfly.sweeper")

ENTRIES_OF_A_PART: Final = 2_000
"""Some 400 KB: a sweep of any size leaves certificates of a size that every store takes."""
MOST_ENTRIES: Final = 10 * ENTRIES_OF_A_PART
"""Kept while certificates cannot be stored; of what is beyond, only the number is."""
_TRIES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What every witness needs."""

    retention: Retention
    certificates: Certificates
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    version: str


class Witness:
    """Gathers what became of each item, and appends it to the chain: in parts, and at the end.

    Memory does not depend on how much is deleted. A certificate that cannot be stored is tried again with the next
    part; a sweep that ends without one says so, and is not CLEAN.
    """

    def __init__(self, sources: Sources, order: SweepOrder, *, planned: bool) -> None:
        """Take what a sweep has.

        Args:
            sources: The chain, the clock and the rest.
            order: What the sweep was asked.
            planned: Whether it carries out a plan.
        """
        self._sources = sources
        self._order = order
        self._planned = planned
        self._began = sources.now()
        self._sweep = str(sources.new_id())
        self._entries: list[dict[str, Any]] = []
        self._omitted = 0
        self._part = 1

    def saw(self, item: DueItem, result: PurgeResult) -> None:
        """Note what became of an item; of what was left, the number is enough."""
        if result.outcome is Outcome.SKIPPED:
            return
        if len(self._entries) < MOST_ENTRIES:
            self._entries.append(form.entry(item, result))
        else:
            self._omitted += 1

    async def turn_page(self) -> None:
        """Append a part, if there is enough for one. What cannot be stored now is part of the next."""
        try:
            await self._append_parts()
        except StorageError as error:
            _log.warning("certificate_not_stored", extra={"part": self._part, "failure": str(error)})

    async def finish(self, ending: Ending) -> Ending:
        """Append the last part, with the totals; the ending, with its number."""
        try:
            store = await self._sources.retention.describe_store()
            await self._append_parts()
            sequence = await self._append(self._entries, self._last(ending, store))
        except StorageError as error:
            _log.error("certificate_missing", extra={"failure": str(error)})
            state = SweepState.PARTIAL if ending.state is SweepState.CLEAN else ending.state
            note = f"The sweep has no certificate, because it could not be stored: {error}"
            return replace(ending, state=state, notes=(*ending.notes, note))
        return replace(ending, certificate=sequence)

    async def _append_parts(self) -> None:
        while len(self._entries) >= ENTRIES_OF_A_PART:
            await self._append(self._entries[:ENTRIES_OF_A_PART], {"last": False})
            del self._entries[:ENTRIES_OF_A_PART]

    def _last(self, ending: Ending, store: StoreFacts) -> dict[str, Any]:
        proves = form.proves(ending.report, self._order, store, planned=self._planned) and not self._omitted
        return {
            "last": True,
            "ended": form.iso(self._sources.now()),
            "store_time": form.iso(ending.report.store_time) if ending.report.store_time else None,
            "store": form.store_facts(store),
            "totals": form.totals(ending),
            "results_omitted": self._omitted,
            "proves": proves,
        }

    async def _append(self, entries: list[dict[str, Any]], more: dict[str, Any]) -> int:
        """Behind whatever is the newest by now; its number."""
        document = {
            "format": form.FORMAT,
            "sweep": self._sweep,
            "part": self._part,
            "sweeper": self._sources.version,
            "began": form.iso(self._began),
            "order": form.order_facts(self._order, planned=self._planned),
            "results": entries,
            **more,
        }
        certificates = self._sources.certificates
        for _ in range(_TRIES):
            newest = (await certificates.newest(page_size=1, page_token="")).certificates
            previous = newest[0].sha256 if newest else b""
            body = form.canonical({**document, "previous_sha256": previous.hex()})
            request_id = str(self._sources.new_id())
            try:
                added = await certificates.append(body, previous_sha256=previous, request_id=request_id)
            except CertificateConflictError:
                continue
            self._part += 1
            return added.sequence
        raise CertificateConflictError
