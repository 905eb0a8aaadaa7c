"""Recordings: people's own audio, kept under their id until they delete it."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_client import UnavailableError
from mayfly_gateway.errors import GatewayError
from mayfly_gateway.formats import content_type_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import timedelta
    from pathlib import Path

    from starlette.datastructures import UploadFile

    from mayfly_client import AsyncClient, Audio, Upload
    from mayfly_gateway.page_shapes import UploadOrder

COLLECTION: Final = "recordings"
_PIECE: Final = 256 * 1024
_LONGEST_NAME: Final = 120
_PAUSES: Final = (0.1, 0.4, 1.0)
"""Between tries to delete. Unit: seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Whose recording it is, and how long it is kept."""

    user_id: str
    recording_id: str
    life: timedelta | None = None
    """None: until it is deleted."""

    @classmethod
    def of(cls, user_id: str, recording_id: str | None) -> Recorder:
        """A user of an app, which may have an id for the recording, too."""
        return cls(user_id=user_id, recording_id=recording_id or str(uuid.uuid4()))

    @property
    def prefix(self) -> str:
        """How its object's key begins."""
        return f"users/{self.user_id}/recordings/{self.recording_id}/"


async def store(mayfly: AsyncClient, who: Recorder, file: UploadFile) -> Audio:
    """Keep an uploaded file. Nothing is kept unless this returns.

    Raises:
        GatewayError: It is empty.
        MayflyError: It is not taken, or cannot be kept.
    """
    if file.size == 0:
        raise GatewayError(
            422, "INVALID_REQUEST", "The file is empty.", remedy="Send audio.", violations=(("file", "It is empty."),)
        )
    return await mayfly.upload_stream(
        _pieces(file),
        collection=COLLECTION,
        content_type=content_type_of(file.content_type, file.filename),
        user_id=who.user_id,
        key_fields={"recording_id": who.recording_id},
        labels=_labels(file.filename),
        ttl=who.life,
    )


async def store_file(
    mayfly: AsyncClient, who: Recorder, path: Path, *, content_type: str, duration: timedelta
) -> Audio:
    """Keep a file whose length is known. Through storage: the gateway has no route to the store itself."""
    return await mayfly.upload_stream(
        path,
        collection=COLLECTION,
        content_type=content_type,
        user_id=who.user_id,
        key_fields={"recording_id": who.recording_id},
        ttl=who.life,
        duration=duration,
    )


async def grant(mayfly: AsyncClient, who: Recorder, order: UploadOrder) -> Upload:
    """The right to put a file straight to the store."""
    return await mayfly.create_upload(
        collection=COLLECTION,
        content_type=content_type_of(order.content_type, order.file_name),
        size_bytes=order.size_bytes,
        sha256=bytes.fromhex(order.sha256),
        user_id=who.user_id,
        key_fields={"recording_id": who.recording_id},
        labels=_labels(order.file_name),
        ttl=who.life,
    )


async def find(mayfly: AsyncClient, who: Recorder) -> Audio | None:
    """The recording, if it is there (any more)."""
    filters = mayfly.list(collection=COLLECTION, user_id=who.user_id, object_key_prefix=who.prefix)
    return await anext(filters, None)


async def delete(mayfly: AsyncClient, audio: Audio) -> None:
    """Delete it, though storage may not answer at first: deleting twice is no error."""
    for pause in _PAUSES:
        try:
            await mayfly.delete(audio.name)
        except UnavailableError:
            await asyncio.sleep(pause)
        else:
            return
    await mayfly.delete(audio.name)


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(_PIECE):
        yield piece


def _labels(file_name: str | None) -> dict[str, str]:
    """The file's name without its folders and without what no name needs."""
    bare = (file_name or "").replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter for letter in bare if letter.isprintable())[:_LONGEST_NAME]
    return {"file_name": shown} if shown else {}
