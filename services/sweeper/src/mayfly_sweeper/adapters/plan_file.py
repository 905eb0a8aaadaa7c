"""A plan: what a dry run would delete, in a file that a later sweep carries out exactly.

JSON Lines. The first line says what it is and when it was made (by the store's clock), each further one is an item, the
last one has their number and the SHA-256 of everything before it: a plan that was cut off, or edited, is none. The file
is made under another name and gets its own once it is complete. Keys may hold user ids, so only its owner reads it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, Final, Self

from mayfly_sweeper.domain.items import DueItem, DueReason, Outcome, Page, PurgeResult, Scope
from mayfly_sweeper.domain.selection import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

VERSION: Final = 1
_OWNER_ONLY: Final = 0o600


class PlanError(Exception):
    """A plan that cannot be read or written."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"The plan {path} {problem}.")
        self.path = path


class PlanWriter:
    """Writes a plan while a dry run goes on; within `with`. Without `finish`, nothing is left."""

    def __init__(self, path: Path, *, made: datetime) -> None:
        """Begin a plan.

        Args:
            path: Its name, once it is complete; a plan of this name is replaced.
            made: When the dry run began.

        Raises:
            PlanError: The file cannot be made.
        """
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._hash = hashlib.sha256()
        self._items = 0
        with self._told():
            # Whatever is there under this name was left by a crash; a new file is nobody's but ours.
            self._part.unlink(missing_ok=True)
            self._file = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb")
        self._line({"mayfly_plan": VERSION, "made": made.isoformat()})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with suppress(OSError):  # what could not be written is of no use to anybody
            self._file.close()
        self._part.unlink(missing_ok=True)

    def add(self, item: DueItem, result: PurgeResult) -> None:
        """Plan what storage would delete; everything else is no part of it.

        Raises:
            PlanError: It cannot be written.
        """
        if result.outcome is Outcome.DELETED:
            self._items += 1
            self._line(_plain(item))

    def finish(self) -> int:
        """Give the file its name; the number of its items.

        Raises:
            PlanError: It cannot be written.
        """
        self._line({"items": self._items, "sha256": self._hash.hexdigest()})
        with self._told():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._part.replace(self._path)
        return self._items

    def _line(self, content: dict[str, Any]) -> None:
        line = json.dumps(content, sort_keys=True).encode() + b"\n"
        self._hash.update(line)
        with self._told():
            self._file.write(line)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PlanError(self._path, f"cannot be written: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Plan:
    """A complete plan, read page by page: memory does not depend on its length."""

    path: Path
    made: datetime
    items: int

    @classmethod
    def open(cls, path: Path) -> Plan:
        """Check all of a file.

        Raises:
            PlanError: It cannot be read, is no plan, or is not whole.
        """
        try:
            with path.open("rb") as file:
                return cls(path, *_check(file))
        except OSError as error:
            raise PlanError(path, f"cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError):
            raise PlanError(path, "is none, or was cut off or changed; make a new one with --write-plan") from None

    async def page(self, scope: Scope, token: str) -> Page:
        """The next items, as a listing answers them."""
        return await asyncio.to_thread(self._read, scope.page_size, token)

    def _read(self, size: int, token: str) -> Page:
        """Token: where in the file, and how many items came before."""
        begin, before = map(int, token.split("+")) if token else (0, 0)
        with self.path.open("rb") as file:
            if begin:
                file.seek(begin)
            else:
                file.readline()
            after = min(before + size, self.items)
            items = tuple(_item(json.loads(file.readline())) for _ in range(before, after))
            token = f"{file.tell()}+{after}" if after < self.items else ""
        return Page(items=items, store_time=self.made, next_page_token=token)


def _check(file: IO[bytes]) -> tuple[datetime, int]:
    """Read all of it, line by line; when it was made, and how many items it has."""
    first = file.readline()
    digest, before, items = hashlib.sha256(), first, -1
    for line in file:
        if items >= 0:
            _item(json.loads(before))  # now, and not in the middle of a sweep
        digest.update(before)
        before, items = line, items + 1
    header, trailer = json.loads(first), json.loads(before)
    if (
        not before.endswith(b"\n")
        or header["mayfly_plan"] != VERSION
        or trailer != {"items": items, "sha256": digest.hexdigest()}
    ):
        raise ValueError
    return datetime.fromisoformat(header["made"]), items


def _plain(item: DueItem) -> dict[str, Any]:
    told = {name: value for name, value in asdict(item).items() if value not in ("", None)}
    return {**told, "due_time": item.due_time.isoformat()} if item.due_time else told


def _item(told: dict[str, Any]) -> DueItem:
    due = told.pop("due_time", None)
    reason, location = DueReason(told.pop("reason")), Store(told.pop("location"))
    due_time = datetime.fromisoformat(due) if due else None
    return DueItem(reason=reason, location=location, due_time=due_time, **told)
