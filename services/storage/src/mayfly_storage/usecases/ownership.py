"""Which row, if any, an object belongs to. Rows are read after the objects were listed: then absence is for ever."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Audio, AudioName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.ports import AudioCatalog


async def find_owners(catalog: AudioCatalog, collections: Collections, keys: Sequence[str]) -> dict[str, Audio | None]:
    """The row of each key that a collection made; None if there is none. Foreign keys are left out: they are not ours.

    A key with an audio id in it names its row. For a key that the caller chose, its claim does.
    """
    fields = {key: parsed for key in keys if (parsed := parse_key(collections, key)) is not None}
    names = {key: AudioName(parsed["date"], parsed["audio_id"]) for key, parsed in fields.items() if is_unique(parsed)}
    names |= await catalog.find_by_keys([key for key in fields if key not in names])
    rows = await catalog.get_many(list(names.values()))
    return {key: _row_of(key, names.get(key), rows) for key in fields}


async def free_stranded(catalog: AudioCatalog, wanted: Audio) -> bool:
    """Whether the claim of a chosen key was given up for an audio, because the store's TTL has collected its row.

    A claim and its row are written together, and the row's id is never used again: once absent, absent for ever.
    """
    holder = (await catalog.find_by_keys([wanted.object_key])).get(wanted.object_key)
    if holder is None or await catalog.get_many([holder]):
        return holder is None
    await catalog.remove([replace(wanted, name=holder)])
    return True


def parse_key(collections: Collections, key: str) -> dict[str, str] | None:
    """The fields of a key of any collection; None for a foreign one."""
    collection = collections.of_key(key)
    return collection.parse_key(key) if collection else None


def is_unique(fields: dict[str, str]) -> bool:
    """Whether a key with these fields can only ever be one row's."""
    return "audio_id" in fields and "date" in fields


def _row_of(key: str, name: AudioName | None, rows: dict[AudioName, Audio]) -> Audio | None:
    row = rows.get(name) if name else None
    return row if row is not None and row.object_key == key else None
