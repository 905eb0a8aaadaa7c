"""When a sweep has to stop, and reading a listing until then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from mayfly_sweeper.domain.errors import BrokenListingError
from mayfly_sweeper.domain.items import Page, Scope

if TYPE_CHECKING:
    from datetime import timedelta

FetchPage: TypeAlias = Callable[[Scope, str], Awaitable[Page]]


class Pace:
    """Tells between two pages whether a sweep goes on: its time budget, and whether it was asked to stop."""

    def __init__(self, *, budget: timedelta, monotonic: Callable[[], float], stop: Callable[[], bool]) -> None:
        self._budget = budget
        self._monotonic = monotonic
        self._stop = stop
        self._end = monotonic() + budget.total_seconds()

    def reason_to_stop(self) -> str:
        """A sentence for people; empty while the sweep may go on."""
        if self._stop():
            return "The sweep was asked to stop."
        if self._monotonic() >= self._end:
            return f"The time budget of {self._budget.total_seconds():g} s was used up."
        return ""


class Walk:
    """Reads one listing page by page, until its end or until the pace says stop."""

    def __init__(self, fetch: FetchPage, *, listing: str, scope: Scope, pace: Pace) -> None:
        self._fetch = fetch
        self._listing = listing
        self._scope = scope
        self._pace = pace
        self._token = ""
        self.is_complete = False
        self.stopped_by = ""

    async def next_page(self) -> Page | None:
        """The next page; None at the end of the listing (`is_complete`) or of the time (`stopped_by`).

        Raises:
            StorageError: The page could not be read; the walk cannot go on.
        """
        if self.is_complete:
            return None
        if reason := self._pace.reason_to_stop():
            self.stopped_by = reason
            return None
        page = await self._fetch(self._scope, self._token)
        self._turn_to(page.next_page_token)
        return page

    def _turn_to(self, token: str) -> None:
        # A listing that answers one token for ever would keep a sweep busy until its budget ends, and look like work.
        if token and token == self._token:
            raise BrokenListingError(self._listing)
        self._token = token
        self.is_complete = not token
