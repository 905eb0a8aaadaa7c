"""The id by which a server recognises a request that comes again."""

from __future__ import annotations

import uuid


def request_id_or_new(given: str | None) -> str:
    """The caller's own id, or a new one. Made once for each call, so that every retry of it carries the same."""
    return given or str(uuid.uuid4())
