"""Requests to the sweeper from plain arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly.sweeper.v1 import sweeper_service_pb2 as pb

from mayfly_client._request_ids import request_id_or_new
from mayfly_client._times import duration

if TYPE_CHECKING:
    from mayfly_client._times import Seconds


def start_sweep(
    *,
    dry_run: bool,
    collection: str | None,
    time_budget: Seconds | None,
    max_delete_count: int,
    request_id: str | None,
) -> pb.StartSweepRequest:
    """Say what to sweep."""
    return pb.StartSweepRequest(
        request_id=request_id_or_new(request_id),
        dry_run=dry_run,
        collection=collection or "",
        time_budget=duration(time_budget),
        max_delete_count=max_delete_count,
    )


def list_sweeps(page_size: int, page_token: str) -> pb.ListSweepsRequest:
    """Ask for one page."""
    return pb.ListSweepsRequest(page_size=page_size, page_token=page_token)
