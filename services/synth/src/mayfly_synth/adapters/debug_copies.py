"""Copies for diagnosis, in storage's collection `debug`, which has a short life of its own."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from mayfly_client.errors import MayflyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mayfly_client import AsyncClient
    from mayfly_synth.domain.processing import Container
    from mayfly_synth.domain.speech import RequestKey

_NAMESPACE: Final = UUID("0e5a6bb6-6a35-5d55-8b35-3a6f1f6a0b9e")
_COLLECTION: Final = "debug"
_SECONDS: Final = 20.0
_UNKNOWN: Final = "application/octet-stream"

_log = logging.getLogger("mayfly.synth.debug")


class StorageDebugCopies:
    """`DebugCopies` through Mayfly's client."""

    def __init__(self, client: AsyncClient, *, kind_of: Callable[[bytes], Container | None]) -> None:
        """Take ready parts.

        Args:
            client: Storage's.
            kind_of: Tells what bytes are; None: nothing that is known.
        """
        self._client = client
        self._kind_of = kind_of

    async def keep(
        self, kind: str, data: bytes, *, content_type: str, key: RequestKey, subject: str, error: str
    ) -> str | None:
        """Keep one copy; see `DebugCopies`."""
        container = self._kind_of(data)
        # A call that is tried again may fail otherwise, or after other bytes.
        attempt = f"{key.caller}/{key.request_id}/{kind}/{error}/{len(data)}"
        labels = {"subject": subject, "error": error, "caller": key.caller[:128]}
        try:
            async with asyncio.timeout(_SECONDS):
                audio = await self._client.save(
                    data,
                    collection=_COLLECTION,
                    content_type=content_type or (container.content_type if container else _UNKNOWN),
                    # The kind of error stands in the file's name, before what makes it the only one.
                    key_fields={
                        "kind": kind,
                        "request_id": f"{error}-{key.request_id}" if error else str(key.request_id),
                    },
                    labels={name: value for name, value in labels.items() if value},
                    request_id=str(uuid5(_NAMESPACE, attempt)),
                )
        except (MayflyError, TimeoutError) as failure:
            reason = failure.reason if isinstance(failure, MayflyError) else "TIMEOUT"
            _log.warning("debug_copy_failed", extra={"kind": kind, "reason": reason})
            return None
        _log.info("debug_copy_kept", extra={"kind": kind, "audio": audio.name, "size_bytes": audio.size_bytes})
        return audio.name
