"""What the link server serves from, and by which keys and clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mayfly_storage.backends.embedded.link_server.errors import LinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mayfly_storage.backends.embedded.blobs import FileBlobs
    from mayfly_storage.backends.embedded.link_keys import LinkKeys
    from mayfly_storage.domain.audio import Audio, AudioName
    from mayfly_storage.domain.ports import AudioCatalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Ports, not use cases: the link server decides nothing that the row does not say."""

    catalog: AudioCatalog
    blobs: FileBlobs
    keys: LinkKeys
    now: Callable[[], datetime]

    async def row(self, name: AudioName) -> Audio | None:
        """The row, as it is at this moment."""
        return (await self.catalog.get_many([name])).get(name)

    def require_living(self, link: Mapping[str, str]) -> datetime:
        """The end of a verified link; raises LinkError if it has come."""
        end = datetime.fromtimestamp(int(link["exp"]), UTC)
        if self.now() >= end:
            raise LinkError.link_expired()
        return end
