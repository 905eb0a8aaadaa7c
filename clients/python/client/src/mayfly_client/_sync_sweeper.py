"""Client's calls of the sweeper."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Unpack

from mayfly.sweeper.v1 import sweeper_service_pb2 as pb

from mayfly_client import _answers_sweeper as answers
from mayfly_client import _requests_sweeper as requests
from mayfly_client._sync_connection import SyncConnection
from mayfly_client._times import to_seconds
from mayfly_client.certificates import ReceiptSearch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mayfly_client._options import SweepOptions
    from mayfly_client._results_sweeper import Sweep
    from mayfly_client._times import Seconds
    from mayfly_client.certificates import Certificate, Receipt


class SyncSweeper(SyncConnection):
    """Sweep."""

    def start_sweep(
        self, *, request_id: str | None = None, timeout: float | None = None, **options: Unpack[SweepOptions]
    ) -> Sweep:
        """Begin a sweep and return at once; `watch_sweep` follows it.

        Args:
            request_id: UUID for retries by the caller. Default: a new one.
            timeout: Seconds for this call.
            **options: See `SweepOptions`: dry_run, collection, time_budget, max_delete_count and more.

        Raises:
            PreconditionError: A real sweep is running already; `metadata["name"]` names it.
        """
        request = requests.start_sweep(options, request_id=request_id)
        with self._errors("sweeper"):
            answer = self._sweeper.StartSweep(request, timeout=self._short(timeout))
        return answers.sweep(answer.sweep)

    def watch_sweep(self, name: str, *, timeout: float | None = None) -> Iterator[Sweep]:
        """The sweep as it is now, then each time that it has moved on; the last one has its end.

        Args:
            name: Name of the sweep.
            timeout: Seconds to watch. Default: ten times the client's.
        """
        with self._errors("sweeper"):
            call = self._sweeper.WatchSweep(pb.WatchSweepRequest(name=name), timeout=self._long(timeout))
            try:
                for message in call:
                    yield answers.sweep(message.sweep)
            finally:
                call.cancel()

    def get_sweep(self, name: str, *, timeout: float | None = None) -> Sweep:
        """One sweep as it is now."""
        with self._errors("sweeper"):
            answer = self._sweeper.GetSweep(pb.GetSweepRequest(name=name), timeout=self._short(timeout))
        return answers.sweep(answer.sweep)

    def list_sweeps(self, *, page_size: int = 0, timeout: float | None = None) -> Iterator[Sweep]:
        """All sweeps that the server remembers, newest first; pages are fetched as they are needed.

        Args:
            page_size: How many to fetch at a time. 0: the server's default.
            timeout: Seconds for each page.
        """
        page_token = ""
        while True:
            request = requests.list_sweeps(page_size, page_token)
            with self._errors("sweeper"):
                page = self._sweeper.ListSweeps(request, timeout=self._short(timeout))
            for each in page.sweeps:
                yield answers.sweep(each)
            if not (page_token := page.next_page_token):
                return

    def certificates(self, *, page_size: int = 0, timeout: float | None = None) -> Iterator[Certificate]:
        """The certificates of sweeps, newest first; pages are fetched as they are needed.

        Args:
            page_size: How many to fetch at a time. 0: the server's default.
            timeout: Seconds for each page.
        """
        page_token = ""
        while True:
            request = pb.ListCertificatesRequest(page_size=page_size, page_token=page_token)
            with self._errors("sweeper"):
                page = self._sweeper.ListCertificates(request, timeout=self._short(timeout))
            for each in page.certificates:
                yield answers.certificate(each)
            if not (page_token := page.next_page_token):
                return

    def receipts(
        self, names: Iterable[str], *, wait: Seconds = 0, interval: Seconds = 10, timeout: float | None = None
    ) -> dict[str, Receipt]:
        """What certificates say of audio that is gone, by name; a name that none has is left out.

        What was deleted by name is certified by the next sweep, or by one half an hour later if it was new.

        Args:
            names: Names of audio.
            wait: How long to wait for those that are missing: a timedelta, or seconds. 0: look once.
            interval: How long between two looks.
            timeout: Seconds for each page of certificates.
        """
        search, end = ReceiptSearch(names), time.monotonic() + to_seconds(wait)
        while True:
            all(search.read(one) for one in self.certificates(timeout=timeout))
            left = end - time.monotonic()
            if not search.missing or left <= 0:
                return search.found
            time.sleep(min(to_seconds(interval), left))
