"""Whether rows and objects belong together: by a wrong table, all audio is orphans, and a sweep deletes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.findings import Finding
from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.retention import DueReason

if TYPE_CHECKING:
    from mayfly_storage.usecases.finding import ListOrphans

_PAGES: Final = 20
_LIMIT: Final = 100


async def examine_belonging(list_orphans: ListOrphans) -> Finding:
    """Look at the first objects of each folder, as a sweep does."""
    seen, lost, cursor = 0, 0, ""
    for _ in range(_PAGES):
        page = await list_orphans(collection="", shard=Shard(), limit=_LIMIT, cursor=cursor)
        seen += page.objects_seen
        lost += sum(item.reason is DueReason.ORPHAN_OBJECT for item in page.items)
        if not (cursor := page.cursor):
            break
    if lost and lost == seen:
        return Finding.warning(
            f"none of the {seen} objects that were looked at has a row: the next sweep deletes them as orphans",
            "See that bucket and table belong together; `mayfly-sweeper run --dry-run` names what would go.",
        )
    return Finding.ok(f"{seen} objects were looked at, {lost} have no row")
