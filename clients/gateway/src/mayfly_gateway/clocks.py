"""Times as HTTP callers read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC, with milliseconds: `2025-12-08T12:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(moment: datetime | None) -> str | None:
    """The same; None for what has no end."""
    return None if moment is None else iso(moment)


IsoTime = Annotated[str, BeforeValidator(iso)]
"""Field of a shape that is made of a datetime."""
IsoTimeOrNone = Annotated[str | None, BeforeValidator(iso_or_none)]
"""The same of one that may be None."""
