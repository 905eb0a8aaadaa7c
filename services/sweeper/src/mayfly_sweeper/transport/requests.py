"""From requests to what the use cases take. All problems of a request are told at once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_runtime.violations import Violations
from mayfly_sweeper.domain.selection import Selection
from mayfly_sweeper.domain.sweep import SweepOrder

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration
    from mayfly.sweeper.v1 import sweeper_service_pb2 as pb

DEFAULT_PAGE_SIZE: Final = 20
MAX_PAGE_SIZE: Final = 100
_MIN_TIME_BUDGET: Final = timedelta(seconds=1)
_SWEEP_NAME: Final = re.compile(r"sweeps/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAX_SHOWN: Final = 100


def sweep_order(request: pb.StartSweepRequest, defaults: SweepOrder) -> tuple[SweepOrder, str]:
    """The order of a StartSweep, and its request id.

    Raises:
        InvalidRequestError: Something is missing or wrong.
    """
    violations = Violations()
    identity = violations.request_id(request.request_id)
    count = request.max_delete_count
    violations.require(count >= 0, "max_delete_count", f"must not be negative, got {count}; 0 is the server's own")
    order = SweepOrder(
        dry_run=request.dry_run,
        selection=Selection(collection=request.collection),
        time_budget=_time_budget(request, violations) or defaults.time_budget,
        max_delete_count=count or defaults.max_delete_count,
    )
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


def page_size(request: pb.ListSweepsRequest) -> int:
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


def _timedelta(duration: Duration) -> timedelta | None:
    try:
        return duration.ToTimedelta()
    except (ValueError, OverflowError):
        return None
