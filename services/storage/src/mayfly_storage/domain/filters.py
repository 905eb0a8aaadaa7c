"""Whether a row is one of those that were asked for, where no index of a store says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import State

if TYPE_CHECKING:
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.ports import AudioFilter


def meets(row: Audio, wanted: AudioFilter) -> bool:
    """Whether the row meets all that the filter states."""
    return (
        wanted.collection in {"", row.collection}
        and wanted.date in {"", row.name.date}
        and wanted.owner in {"", row.owner}
        and wanted.session_id in {"", row.key_fields.get("session_id", "")}
        and row.object_key.startswith(wanted.object_key_prefix)
        and (row.state is State.READY or not wanted.ready)
    )
