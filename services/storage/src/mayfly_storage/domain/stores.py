"""What a process has of stores: where new audio goes, where old audio lies, and the backend around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from mayfly_storage.domain.audio import Audio, Location
    from mayfly_storage.domain.certificates import CertificateLog
    from mayfly_storage.domain.fallback import Fallback
    from mayfly_storage.domain.findings import ClaimAudit, DeletionAudit
    from mayfly_storage.domain.parts import PartStore
    from mayfly_storage.domain.ports import AudioCatalog, BlobStore, FolderRegistry, LinkSigner
    from mayfly_storage.domain.store_clock import StoreClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Bytes and the links to them."""

    blobs: BlobStore
    links: LinkSigner
    traffic: Counter[tuple[str, int]] | None = None
    """Answers to requests over its links, by HTTP method and status; None where others answer them."""
    parts: PartStore | None = None
    """None where one PUT takes audio of any size."""

    def parts_for(self, size_bytes: int) -> PartStore | None:
        """What takes so many bytes in parts; None where one PUT does."""
        return self.parts if self.parts is not None and size_bytes > self.parts.single_put_bytes else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """All stores of this process: new audio goes to `primary`, old audio is where its row says."""

    primary: Location
    by_location: Mapping[Location, Store]
    clock: StoreClock | None = None
    """Where the stores have a clock of their own; None: nobody has compared it."""
    fallback: Fallback | None = None
    """Takes new audio while the primary store fails in a way that passes; None: nothing does."""

    def require_right_clock(self) -> None:
        """Raise ClockWrongError where nothing may be signed, because this machine's clock is wrong."""
        if self.clock is not None:
            self.clock.require_right()

    @property
    def for_new_audio(self) -> Location:
        """Where a new audio is expected to lie; W3 says where it does."""
        return self.fallback.location if self.fallback is not None and self.fallback.is_active else self.primary

    @property
    def first(self) -> Store:
        """Where new audio goes."""
        return self.by_location[self.primary]

    def of(self, audio: Audio) -> Store:
        """Where this audio lies."""
        return self.by_location[audio.location]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """An opened backend: its rows, its bytes, and what it is called."""

    name: str
    """`embedded` or `aws`."""
    bucket: str
    region: str
    catalog: AudioCatalog
    stores: Stores
    certificates: CertificateLog
    audit: DeletionAudit | None = None
    """None where nothing keeps copies behind storage's back."""
    claims: ClaimAudit | None = None
    """None where nothing is claimed of a store that others wrote."""
    folder: str = ""
    """Identity of the folder that the fallback uses; empty: there is no fallback."""
    folders: FolderRegistry | None = None
    """Where replicas agree on that folder; None where there can be one process only."""
