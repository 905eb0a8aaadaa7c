"""Requests to the sweeper from plain arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly.sweeper.v1 import sweeper_service_pb2 as pb

from mayfly_client._argument_error import ArgumentError
from mayfly_client._request_ids import request_id_or_new
from mayfly_client._times import duration

if TYPE_CHECKING:
    from mayfly_client._times import Seconds


_STORES = {
    None: pb.StartSweepRequest.STORE_UNSPECIFIED,
    "local": pb.StartSweepRequest.STORE_LOCAL,
    "s3": pb.StartSweepRequest.STORE_S3,
}


def start_sweep(  # noqa: PLR0913 - each is a field of the request
    *,
    dry_run: bool,
    collection: str | None,
    time_budget: Seconds | None,
    max_delete_count: int,
    request_id: str | None,
    max_delete_ratio: float = 0,
    older_than: Seconds | None = None,
    path: str = "",
    store: str | None = None,
) -> pb.StartSweepRequest:
    """Say what to sweep."""
    return pb.StartSweepRequest(
        request_id=request_id_or_new(request_id),
        dry_run=dry_run,
        collection=collection or "",
        time_budget=duration(time_budget),
        max_delete_count=max_delete_count,
        max_delete_ratio=max_delete_ratio,
        older_than=duration(older_than),
        object_key_prefix=path,
        store=_store(store),
    )


def _store(name: str | None) -> pb.StartSweepRequest.Store.ValueType:
    if name not in _STORES:
        raise ArgumentError(f"there is no store {name!r}", argument="store", wanted=", 'local', 's3' or None for both")
    return _STORES[name]


def list_sweeps(page_size: int, page_token: str) -> pb.ListSweepsRequest:
    """Ask for one page."""
    return pb.ListSweepsRequest(page_size=page_size, page_token=page_token)
