"""What passes: audio that ends by itself, and copies that serve one request and are let go at its end."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_client import MayflyError

if TYPE_CHECKING:
    from mayfly_client import AsyncClient

TEMPORARY: Final = "temp-audio"
"""The collection of audio that nobody keeps: storage ends it after a day, or earlier if told so."""
COPY_LIFE: Final = timedelta(minutes=5)
"""Life of a copy, should nobody get to delete it."""

_log = logging.getLogger("mayfly.gateway")


async def let_go(mayfly: AsyncClient, name: str) -> None:
    """Delete a copy that has served. Whoever waits for what came of it need not hear that this failed."""
    try:
        await mayfly.delete(name)
    except MayflyError as error:
        _log.warning("copy.stays", extra={"reason": error.reason, "life_s": COPY_LIFE.total_seconds()})
