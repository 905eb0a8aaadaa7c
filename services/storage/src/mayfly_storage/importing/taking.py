"""One file: looked at, copied, recognised, and stored as if a caller had sent it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mayfly_storage.domain.errors import ObjectKeyTakenError
from mayfly_storage.domain.uploads import NewAudio, Subject, UploadRequest
from mayfly_storage.importing.journal import Entry, Outcome
from mayfly_storage.importing.rules import read_path
from mayfly_storage.importing.sniffing import content_type_of
from mayfly_storage.importing.staging import SourceError, Staged, head_of, stage
from mayfly_storage.importing.wav import Wav

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mayfly_runtime.offload import Offload
    from mayfly_storage.domain.audio import Audio, AudioName
    from mayfly_storage.domain.ports import AudioCatalog
    from mayfly_storage.importing.journal import Journal
    from mayfly_storage.importing.rules import Reading, Rule
    from mayfly_storage.importing.walking import Found
    from mayfly_storage.usecases.drafting import DraftAudio
    from mayfly_storage.usecases.upload import StoreFile

# Any fixed UUID: it separates ids that are made here from those made elsewhere.
_NAMESPACE: Final = UUID("5a0f4a8e-7f1c-5c4f-9d54-0e2a3a1f6b77")
CALLER: Final = "import"
"""The writer of what was imported."""
_FORMATS: Final = "WAV, MP3, M4A, AAC, FLAC, Ogg, CAF, AIFF, WebM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to import, and as what."""

    folder: Path
    rules: Sequence[Rule]
    own: Sequence[Path] = ()
    """What is storage's own, and not to be taken wherever it lies."""
    from_file: bool = False
    """Count the life of an audio from its file's date, and not from now."""
    dry_run: bool = False
    workers: int = 4
    """Files at a time."""


class StagingError(Exception):
    """The copy of a file cannot be written; the next one could not be, either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeFile:
    """Brings one file in; its copy is in `staging`, and gone when the file is done.

    A file's request id follows from its collection, path and content, so that what is repeated meets itself.
    """

    store: StoreFile
    draft: DraftAudio
    catalog: AudioCatalog
    journal: Journal
    staging: Path
    offload: Offload
    now: Callable[[], datetime]

    async def __call__(self, found: Found, wanted: Wanted) -> Entry:
        """What became of it.

        Raises:
            SourceError: It cannot be taken.
            StorageError: Storage does not take it.
            StagingError, JournalError: See there.
        """
        reading = read_path(wanted.rules, found.path)
        if reading is None:
            hint = "nothing in it reaches into folders, so --pattern has to say each"
            raise SourceError(f"its path does not match the pattern {_forms(wanted.rules)}; {hint}")
        end = self._end(found, reading) if wanted.from_file else None
        if end is not None and end <= self.now():
            return entry(found, Outcome.EXPIRED, f"its life ended at {end:%Y-%m-%d %H:%M} UTC")
        # All that can be said without the whole file is said before it is copied.
        head = await self.offload(head_of, wanted.folder, found.path)
        looked_at = Staged(size_bytes=found.size_bytes, sha256=bytes(32), head=head)
        draft = self.draft(_request(found, looked_at, reading, end))
        if wanted.dry_run:
            return entry(found, Outcome.WOULD_IMPORT, f"as {draft.object_key}")
        copy = self.staging / secrets.token_hex(16)
        try:
            staged = await self._stage(wanted.folder, found, copy)
            return await self._store(found, staged, _request(found, staged, reading, end), copy)
        finally:
            copy.unlink(missing_ok=True)  # not in a thread: a cancelled run must not lose it

    async def _stage(self, folder: Path, found: Found, copy: Path) -> Staged:
        try:
            return await self.offload(stage, folder, found, copy)
        except OSError as error:
            raise StagingError(f"The data folder takes no copies: {error.strerror}.") from error

    async def _store(self, found: Found, staged: Staged, request: UploadRequest, copy: Path) -> Entry:
        if self.journal.has(found, staged.sha256):
            return entry(found, Outcome.ALREADY, "only its date has changed", staged=staged)
        if (audio := await self._holding(self.journal.begun(found), staged)) is not None:
            return entry(found, Outcome.ALREADY, "a run that was cut off had stored it", audio, staged)
        try:
            audio = await self.store(request, copy, reserved=lambda row: self.journal.begin(found, row.name))
        except ObjectKeyTakenError as taken:
            holder = (await self.catalog.find_by_keys([taken.object_key])).get(taken.object_key)
            audio = await self._holding([] if holder is None else [holder], staged)
            if audio is None:
                raise
            return entry(found, Outcome.ALREADY, "the same bytes lie at its key", audio, staged)
        return entry(found, Outcome.IMPORTED, audio=audio, staged=staged)

    async def _holding(self, names: Sequence[AudioName], staged: Staged) -> Audio | None:
        """The audio of one of these names that has these bytes and can be read."""
        rows = await self.catalog.get_many(names) if names else {}
        now = self.now()
        return next((row for row in rows.values() if row.sha256 == staged.sha256 and row.is_readable(now)), None)

    def _end(self, found: Found, reading: Reading) -> datetime | None:
        """When the audio ends by its file's date; None: its collection's audio is kept until it is deleted."""
        lifetime = self.draft.collections.get(reading.collection).lifetime
        if lifetime is None:
            return None
        try:
            return datetime.fromtimestamp(found.modified_ns / 1e9, UTC) + lifetime
        except (OverflowError, ValueError):
            raise SourceError("its date is none that a calendar has; set it, or count from now") from None


def entry(
    found: Found, outcome: Outcome, reason: str = "", audio: Audio | None = None, staged: Staged | None = None
) -> Entry:
    """The line of a file."""
    return Entry(
        path=found.path,
        outcome=outcome,
        reason=reason,
        name=str(audio.name) if audio is not None else "",
        size_bytes=found.size_bytes,
        modified_ns=found.modified_ns,
        sha256=staged.sha256.hex() if staged is not None else "",
    )


def _forms(rules: Sequence[Rule]) -> str:
    return " or ".join(rule.pattern.text for rule in rules)


def _request(found: Found, staged: Staged, reading: Reading, end: datetime | None) -> UploadRequest:
    """What a caller would have asked for. Raises SourceError."""
    content_type, wav = _recognised(staged)
    return UploadRequest(
        caller=CALLER,
        request_id=_request_id(reading.collection, found.path, staged.sha256),
        audio=NewAudio(
            collection=reading.collection,
            content_type=content_type,
            expire_time=end,
            key_fields=reading.key_fields,
            subject=Subject(user_id=reading.user_id) if reading.user_id else None,
            duration=wav.duration if wav is not None else None,
        ),
        size_bytes=staged.size_bytes,
        sha256=staged.sha256,
    )


def _recognised(staged: Staged) -> tuple[str, Wav | None]:
    """What the bytes are. Raises SourceError for what is none that storage could keep."""
    if not staged.size_bytes:
        raise SourceError("it is empty")
    content_type = content_type_of(staged.head)
    if content_type is None:
        raise SourceError(f"it holds no audio that is known ({_FORMATS})")
    wav = Wav.read(staged.head, staged.size_bytes)
    if wav is not None and wav.damage:
        raise SourceError(wav.damage)
    return content_type, wav


def _request_id(collection: str, path: str, sha256: bytes) -> str:
    """As uuid5 makes it, which takes no names that are not UTF-8."""
    identity = f"{collection}\0{path}\0{sha256.hex()}".encode(errors="surrogateescape")
    digest = hashlib.sha1(_NAMESPACE.bytes + identity, usedforsecurity=False).digest()
    return str(UUID(bytes=digest[:16], version=5))
