"""Requests to the sweeper from plain arguments."""

from __future__ import annotations

from mayfly.sweeper.v1 import sweeper_service_pb2 as pb

from mayfly_client._argument_error import ArgumentError
from mayfly_client._options import SweepOptions, refuse_unknown
from mayfly_client._request_ids import request_id_or_new
from mayfly_client._times import duration

_STORES = {
    None: pb.StartSweepRequest.STORE_UNSPECIFIED,
    "local": pb.StartSweepRequest.STORE_LOCAL,
    "s3": pb.StartSweepRequest.STORE_S3,
}


def start_sweep(given: SweepOptions, *, request_id: str | None) -> pb.StartSweepRequest:
    """Say what to sweep."""
    refuse_unknown("start_sweep", given, SweepOptions)
    return pb.StartSweepRequest(
        request_id=request_id_or_new(request_id),
        dry_run=given.get("dry_run") or False,
        collection=given.get("collection") or "",
        time_budget=duration(given.get("time_budget")),
        max_delete_count=given.get("max_delete_count") or 0,
        max_delete_ratio=given.get("max_delete_ratio") or 0,
        older_than=duration(given.get("older_than")),
        object_key_prefix=given.get("path") or "",
        store=_store(given.get("store")),
    )


def _store(name: str | None) -> pb.StartSweepRequest.Store.ValueType:
    if name not in _STORES:
        raise ArgumentError(f"there is no store {name!r}", argument="store", wanted=", 'local', 's3' or None for both")
    return _STORES[name]


def list_sweeps(page_size: int, page_token: str) -> pb.ListSweepsRequest:
    """Ask for one page."""
    return pb.ListSweepsRequest(page_size=page_size, page_token=page_token)
