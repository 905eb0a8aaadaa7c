"""The sweep as an AWS Lambda function, as system A runs it: handler `mayfly_sweeper.aws_lambda.lambda_handler`.

The event may have `dry_run`, `collection`, `path`, `days`, `max_delete_count` and `max_delete_ratio`, as the command
has; EventBridge's own events have none of them, and so mean a whole sweep. Settings are the same environment variables.
The function needs a way to storage's retention port (a VPC), and no rights in AWS at all.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mayfly_runtime import logs
from mayfly_sweeper import app as composition
from mayfly_sweeper.config import SweeperSettings
from mayfly_sweeper.domain.selection import MAX_AGE, Selection
from mayfly_sweeper.domain.sweep import SweepOrder, SweepState
from mayfly_sweeper.summary import summary_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_RESERVE: Final = timedelta(seconds=10)
"""Left of the function's time when the sweep stops: for the page and the batch under way."""


class SweepFailedError(Exception):
    """The sweep could not run, or a guard stopped it: the invocation counts as failed, and alarms follow that."""


class EventError(ValueError):
    """The event asks for something that there is not."""


class Context(Protocol):
    """What a sweep needs of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Until the function is ended."""


class _Event(BaseModel):
    """What an event may ask for. EventBridge adds fields of its own, which are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)

    dry_run: bool = False
    collection: str = ""
    path: str = ""
    days: float = Field(default=0, ge=0, le=MAX_AGE.days)
    max_delete_count: int | None = Field(default=None, ge=0)
    max_delete_ratio: float | None = Field(default=None, ge=0, le=1)


def lambda_handler(event: Mapping[str, Any] | None, context: Context) -> dict[str, Any]:
    """Sweep once, within the function's time; the report is the answer.

    Raises:
        EventError: A field of the event is wrong.
        SweepFailedError: The sweep could not run, or a guard stopped it.
        SettingsError: The environment is wrong.
    """
    settings = SweeperSettings.load(log_format="json")
    logs.configure(level=settings.log_level, format=settings.log_format)
    order = _order(event or {}, settings.order(), timedelta(milliseconds=context.get_remaining_time_in_millis()))
    start_time, begun = datetime.now(UTC), time.monotonic()
    ending = asyncio.run(composition.sweep_once(settings, order))
    told = summary_json(ending, order=order, start_time=start_time, elapsed=time.monotonic() - begun)
    if ending.state in (SweepState.FAILED, SweepState.GUARDED):
        raise SweepFailedError(told)
    answer: dict[str, Any] = json.loads(told)
    return answer


def _order(event: Mapping[str, Any], defaults: SweepOrder, left: timedelta) -> SweepOrder:
    try:
        asked = _Event.model_validate(dict(event))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise EventError(f"The event is wrong: {problems}") from None
    order = replace(
        defaults,
        dry_run=asked.dry_run,
        selection=Selection(
            collection=asked.collection, path=asked.path.lstrip("/"), older_than=timedelta(days=asked.days)
        ),
    )
    return order.limited(
        time_budget=max(timedelta(seconds=1), min(defaults.time_budget, left - _RESERVE)),
        max_delete_count=asked.max_delete_count,
        max_delete_ratio=asked.max_delete_ratio,
    )
