"""From requests to what the use cases take. All problems of a request are told at once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from mayfly.sweeper.v1 import sweeper_service_pb2 as pb

from mayfly_runtime.violations import Violations
from mayfly_sweeper.domain.selection import Passes, Selection, Shard, Store
from mayfly_sweeper.domain.sweep import SweepOrder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.duration_pb2 import Duration

T = TypeVar("T")

DEFAULT_PAGE_SIZE: Final = 20
MAX_PAGE_SIZE: Final = 100
_MIN_TIME_BUDGET: Final = timedelta(seconds=1)
_SWEEP_NAME: Final = re.compile(r"sweeps/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAX_SHOWN: Final = 100
_MAX_PATH: Final = 1_024
_STORES: Final[Mapping[int, Store | None]] = {
    pb.StartSweepRequest.STORE_UNSPECIFIED: None,
    pb.StartSweepRequest.STORE_LOCAL: Store.LOCAL,
    pb.StartSweepRequest.STORE_S3: Store.S3,
}
_PASSES: Final[Mapping[int, Passes]] = {
    pb.StartSweepRequest.PASSES_UNSPECIFIED: Passes.ALL,
    pb.StartSweepRequest.PASSES_DUE: Passes.DUE,
    pb.StartSweepRequest.PASSES_ORPHANS: Passes.ORPHANS,
}


def sweep_order(request: pb.StartSweepRequest, defaults: SweepOrder) -> tuple[SweepOrder, str]:
    """The order of a StartSweep, and its request id.

    Raises:
        InvalidRequestError: Something is missing or wrong.
    """
    violations = Violations()
    identity = violations.request_id(request.request_id)
    passes = _one_of(request.passes, _PASSES, "passes", violations)
    # The server's own ratio is of no use to a sweep that does not see all that is stored.
    ratio = defaults.max_delete_ratio if passes is Passes.ALL else 0.0
    order = SweepOrder(
        dry_run=request.dry_run,
        passes=passes or Passes.ALL,
        selection=_selection(request, violations),
        time_budget=_time_budget(request, violations) or defaults.time_budget,
        max_delete_count=request.max_delete_count or defaults.max_delete_count,
        max_delete_ratio=request.max_delete_ratio or ratio,
    )
    for field, problem in order.problems():
        violations.add(field, problem)
    violations.raise_if_any()
    return order, identity


def sweep_name(request: pb.GetSweepRequest | pb.WatchSweepRequest) -> str:
    """The name of a sweep.

    Raises:
        InvalidRequestError: It is missing, or no name of a sweep.
    """
    violations = Violations()
    if violations.require(bool(request.name), "name", "is required: the name of a sweep, sweeps/{uuid}"):
        shown = request.name[:_MAX_SHOWN]
        well_formed = _SWEEP_NAME.fullmatch(request.name) is not None
        violations.require(well_formed, "name", f"must be the name of a sweep, sweeps/{{uuid}}, got {shown!r}")
    violations.raise_if_any()
    return request.name


def page_size(request: pb.ListSweepsRequest | pb.ListCertificatesRequest) -> int:
    """The page size within its bounds.

    Raises:
        InvalidRequestError: It is negative.
    """
    violations = Violations()
    size = request.page_size
    violations.require(
        size >= 0, "page_size", f"must not be negative, got {size}; 0 is the default, {DEFAULT_PAGE_SIZE}"
    )
    violations.raise_if_any()
    return min(size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def _time_budget(request: pb.StartSweepRequest, violations: Violations) -> timedelta | None:
    if not request.HasField("time_budget"):
        return None
    budget = _timedelta(request.time_budget)
    if budget is None or budget < _MIN_TIME_BUDGET:
        violations.add("time_budget", "must be a duration of at least 1 s")
        return None
    return budget


def _selection(request: pb.StartSweepRequest, violations: Violations) -> Selection:
    path = request.object_key_prefix
    violations.require(len(path) <= _MAX_PATH, "object_key_prefix", f"must have at most {_MAX_PATH:,} characters")
    older_than = _timedelta(request.older_than) if request.HasField("older_than") else timedelta(0)
    violations.require(older_than is not None, "older_than", "must be a duration")
    # Zero shares would do nothing for ever, so the number is required where shares are named at all.
    count = request.shard.count if request.HasField("shard") else 1
    violations.require(count > 0, "shard.count", f"is required: how many shares there are, at least 1, got {count}")
    return Selection(
        collection=request.collection,
        path=path,
        store=_one_of(request.store, _STORES, "store", violations),
        older_than=older_than or timedelta(0),
        shard=Shard(index=request.shard.index, count=count) if count > 0 else Shard(),
    )


def _one_of(number: int, known: Mapping[int, T], field: str, violations: Violations) -> T | None:
    violations.require(number in known, field, f"is not one that this server knows: {number}")
    return known.get(number)


def _timedelta(duration: Duration) -> timedelta | None:
    try:
        return duration.ToTimedelta()
    except (ValueError, OverflowError):
        return None
