"""What use cases are put together from in tests: any backend, under the collections that ship and the usual times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.privacy import Privacy
from mayfly_storage.domain.timing import Timing
from mayfly_storage.usecases.assembly import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mayfly_storage.domain.stores import Backend


def a_world(backend: Backend, now: Callable[[], datetime], **changes: Any) -> World:
    """A world over a backend; `changes` are fields of it."""
    facts: dict[str, Any] = {
        "backend": backend,
        "collections": read_collections(),
        "privacy": Privacy(secret=b"a secret of the tests, and long enough"),
        "timing": Timing(),
        "now": now,
        "new_id": uuid4,
        "new_attempt": lambda: uuid4().hex,
    }
    return World(**(facts | changes))
