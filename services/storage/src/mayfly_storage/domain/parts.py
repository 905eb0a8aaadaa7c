"""Uploads in parts, of audio that is too large for one PUT. Parts are kept, and paid for, before there is an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import UploadGrant

LARGE: Final = 50 * 1024**2
"""Larger audio takes its time to be sent, in one PUT as in parts: its grant lives longer."""
MOST_PARTS: Final = 1_000
"""S3 takes ten times as many, of which a grant would not fit into a message of 4 MiB: a link may have 3 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUpload:
    """An upload that was begun, and neither completed nor aborted."""

    key: str
    upload_id: str
    begin_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPage:
    """One page of a listing, and the store's own clock when it was read."""

    uploads: tuple[OpenUpload, ...]
    cursor: str
    store_time: datetime


@dataclass(frozen=True, slots=True)
class Cut:
    """Where one part lies in the whole."""

    number: int
    offset_bytes: int
    size_bytes: int


def cuts(size_bytes: int, part_bytes: int) -> Iterator[Cut]:
    """Parts of equal size, larger than asked where there would be too many of them; the last one is the rest."""
    part_bytes = max(part_bytes, -(-size_bytes // MOST_PARTS))
    for number, offset in enumerate(range(0, size_bytes, part_bytes), 1):
        yield Cut(number, offset, min(part_bytes, size_bytes - offset))


class PartStore(Protocol):
    """What a store that bounds a single PUT needs for more."""

    @property
    def single_put_bytes(self) -> int:
        """The largest audio that one PUT takes."""

    async def begin(self, audio: Audio) -> str:
        """Begin an upload for a PENDING audio; its id. The object will bear the audio's attempt and type."""

    async def grant(self, audio: Audio, upload_id: str) -> UploadGrant:
        """The right to put the declared bytes, part by part, until `upload_deadline`; each part's length is fixed."""

    async def complete(self, key: str, upload_id: str, etags: Sequence[str]) -> None:
        """Make the object of its parts, written once.

        An upload that is completed or aborted already changes nothing: what lies at the key tells which it was.

        Raises:
            ContentMismatchError: Field `part_etags`: the parts are not those, or not all; field `attempt`: the key is
                taken.
        """

    async def put_file(self, audio: Audio, upload_id: str, path: Path) -> list[str] | None:
        """All parts by storage itself, from a file, some side by side; their ETags, in order.

        None if the upload is not open any more.
        """

    async def abort(self, key: str, upload_id: str) -> bool:
        """Delete its parts. Whether they are gone; one under way may still be kept, so that it has to be repeated."""

    async def is_open(self, key: str, upload_id: str) -> bool:
        """Whether the store still has it, or parts of it."""

    async def list_uploads(self, prefix: str, *, limit: int, cursor: str = "") -> UploadPage:
        """Open uploads under a prefix, each once while nothing changes."""
