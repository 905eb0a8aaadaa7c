"""Between an Audio and its row."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.domain.audio import Audio, AudioName, Lease, Location, State

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NO_FIELDS: Final = "{}"
"""What most rows have."""

# A thousand rows are read at a time: looking a word up takes a fraction of what calling an enumeration takes.
_STATES: Final = {state.value: state for state in State}
_LOCATIONS: Final = {location.value: location for location in Location}


def to_micros(time: datetime) -> int:
    """Whole microseconds since 1970, exactly."""
    return (time - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The time again, in UTC."""
    return _EPOCH + micros * _MICROSECOND


def _time(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def _micros(time: datetime | None) -> int | None:
    return None if time is None else to_micros(time)


def share_of(audio_id: str) -> int:
    """What `Shard.holds` takes the remainder of."""
    return zlib.crc32(audio_id.encode())


def key_of(name: AudioName) -> dict[str, Any]:
    """The primary key."""
    return {"date": name.date, "audio_id": name.audio_id}


def changing_columns(audio: Audio, due: datetime | None) -> dict[str, Any]:
    """The columns that a change of state touches."""
    return {
        "state": audio.state.value,
        "location": audio.location.value,
        "object_key": audio.object_key,
        "expire_time": _micros(audio.expire_time),
        "etag": audio.etag,
        "delete_time": _micros(audio.delete_time),
        "bytes_gone": int(audio.bytes_gone),
        "upload_id": audio.upload_id,
        "lease": audio.lease.holder if audio.lease is not None else None,
        "lease_end": to_micros(audio.lease.end) if audio.lease is not None else None,
        "text": audio.text,
        "owner": audio.owner,
        "ip_address": audio.ip_address,
        "due_time": _micros(due),
    }


def to_row(audio: Audio, due: datetime | None) -> dict[str, Any]:
    """All columns."""
    return {
        **key_of(audio.name),
        **changing_columns(audio, due),
        "collection": audio.collection,
        "content_type": audio.content_type,
        "size_bytes": audio.size_bytes,
        "sha256": audio.sha256,
        "attempt": audio.attempt,
        "create_time": to_micros(audio.create_time),
        "upload_deadline": to_micros(audio.upload_deadline),
        "claims_key": int(audio.claims_key),
        "duration": None if audio.duration is None else audio.duration // _MICROSECOND,
        "voice": audio.voice,
        "user_id": audio.user_id,
        "writer": audio.writer,
        "key_fields": _to_json(audio.key_fields),
        "labels": _to_json(audio.labels),
        "session_id": audio.key_fields.get("session_id", ""),
        "share": share_of(audio.name.audio_id),
    }


def _to_json(fields: Mapping[str, str]) -> str:
    return json.dumps(dict(fields), ensure_ascii=False)


def _from_json(text: str) -> dict[str, str]:
    fields: dict[str, str] = {} if text == _NO_FIELDS else json.loads(text)
    return fields


def from_row(row: sqlite3.Row) -> Audio:
    """The Audio again."""
    return Audio(
        name=AudioName(row["date"], row["audio_id"]),
        collection=row["collection"],
        state=_STATES[row["state"]],
        location=_LOCATIONS[row["location"]],
        object_key=row["object_key"],
        content_type=row["content_type"],
        size_bytes=row["size_bytes"],
        sha256=row["sha256"],
        attempt=row["attempt"],
        create_time=from_micros(row["create_time"]),
        upload_deadline=from_micros(row["upload_deadline"]),
        expire_time=_time(row["expire_time"]),
        etag=row["etag"],
        delete_time=_time(row["delete_time"]),
        bytes_gone=bool(row["bytes_gone"]),
        claims_key=bool(row["claims_key"]),
        upload_id=row["upload_id"],
        lease=None if row["lease"] is None else Lease(row["lease"], from_micros(row["lease_end"])),
        duration=None if row["duration"] is None else row["duration"] * _MICROSECOND,
        voice=row["voice"],
        text=row["text"],
        user_id=row["user_id"],
        owner=row["owner"],
        ip_address=row["ip_address"],
        writer=row["writer"],
        key_fields=_from_json(row["key_fields"]),
        labels=_from_json(row["labels"]),
    )
