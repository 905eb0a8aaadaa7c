"""Which part of what is due a sweep takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mayfly_sweeper.domain.items import DueItem

MAX_AGE: Final = timedelta(days=36_525)
"""The longest that something can be asked to have been due: a century, as the longest life is one."""


class Store(StrEnum):
    """Where bytes lie, as storage's `Audio.Location` names it."""

    LOCAL = "LOCAL"
    S3 = "S3"


class Passes(StrEnum):
    """What a sweep looks for."""

    ALL = "all"

    DUE = "due"
    """Rows that are due: an index knows them, so it costs what is due, and not what is stored."""

    ORPHANS = "orphans"
    """Objects without a row, rows without an object, uploads in parts that nobody ended: everything is listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A share of the work: storage puts every audio and every object into exactly one of `count`."""

    index: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a sweep takes: all that is given must hold."""

    collection: str = ""
    """Only this collection; empty for all of them."""

    path: str = ""
    """Only objects whose key begins so; empty for all of them."""

    store: Store | None = None
    """Only what lies there; None for everywhere."""

    older_than: timedelta = timedelta(0)
    """Only what has been due for at least so long."""

    shard: Shard = field(default_factory=Shard)
    """Only this share."""

    @property
    def is_everything(self) -> bool:
        """Whether nothing that is due is left out."""
        return self == Selection()

    def takes(self, item: DueItem, store_time: datetime) -> bool:
        """Whether an item of the right collection and share is taken.

        Args:
            item: As storage listed it. Without a due time nobody knows how old it is; then only a sweep that does not
                ask takes it.
            store_time: The store's own clock.
        """
        if self.store is not None and item.location != self.store:
            return False
        if not item.object_key.startswith(self.path):
            return False
        return not self.older_than or (item.due_time is not None and item.due_time <= store_time - self.older_than)
