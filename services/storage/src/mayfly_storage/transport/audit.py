"""What callers do with audio: a line of the audit log for each act, and counts.

A line names the audio and the caller, never a key, an owner, a text or a link. Send the logger `mayfly.audit` wherever
such lines have to be kept; the access log has a line for every RPC beside it, under the same trace id.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mayfly_runtime.identity import current_caller
from mayfly_storage.domain.links import SignedUrl

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from opentelemetry.metrics import Meter

    from mayfly_storage.domain.audio import Audio, AudioName

AUDIT_LOGGER: Final = "mayfly.audit"
logger = logging.getLogger(AUDIT_LOGGER)

_MOST_NAMES: Final = 100
"""In one line; a batch has up to 1,000."""


@dataclass(slots=True)
class Sent:
    """How far a download came."""

    size_bytes: int = 0


class Audit:
    """Tells what was done, after it was done. What failed is in the access log, with its reason."""

    def __init__(self, meter: Meter) -> None:
        """Take what counts; without an exporter it counts nothing."""
        self._uploads = meter.create_counter(
            "mayfly.storage.uploads", unit="{upload}", description="Uploads, by what became of them"
        )
        self._sizes = meter.create_histogram(
            "mayfly.storage.upload.size",
            unit="By",
            description="Size of what was stored",
            explicit_bucket_boundaries_advisory=[4**power for power in range(5, 16)],  # 1 KiB to 1 GiB
        )
        self._links = meter.create_counter("mayfly.storage.links", unit="{link}", description="Links to audio")
        self._reads = meter.create_counter(
            "mayfly.storage.reads", unit="{read}", description="Downloads through storage, by how they ended"
        )
        self._deletions = meter.create_counter(
            "mayfly.storage.deletions", unit="{audio}", description="Audio that callers deleted"
        )

    def granted(self, audio: Audio) -> None:
        """A caller may put an audio's bytes."""
        self._uploads.add(1, {"collection": audio.collection, "outcome": "granted"})
        _tell("audio.granted", **_facts(audio))

    def stored(self, audio: Audio, *, direct: bool) -> None:
        """An audio is READY: put to its final key by the caller (`direct`), or brought through storage.

        A repeated commit is told again, as a repeated call.
        """
        self._uploads.add(1, {"collection": audio.collection, "outcome": "stored_directly" if direct else "stored"})
        self._sizes.record(audio.size_bytes, {"collection": audio.collection})
        seconds = audio.duration.total_seconds() if audio.duration is not None else None
        _tell("audio.stored", **_facts(audio), direct=direct, location=audio.location.value, duration_s=seconds)

    def abandoned(self, name: AudioName) -> None:
        """A caller gave an upload up."""
        self._uploads.add(1, {"outcome": "abandoned"})
        _tell("audio.abandoned", audio=str(name))

    def linked(self, outcomes: Mapping[AudioName, SignedUrl | Exception]) -> None:
        """A caller got links."""
        made = [name for name, outcome in outcomes.items() if isinstance(outcome, SignedUrl)]
        self._links.add(len(made), {"outcome": "signed"})
        self._links.add(len(outcomes) - len(made), {"outcome": "refused"})
        _tell("audio.linked", **_names(made))

    @contextmanager
    def reading(self, audio: Audio) -> Iterator[Sent]:
        """A caller reads bytes through storage within the block, which counts what was taken."""
        sent, outcome = Sent(), "broken"
        try:
            yield sent
            outcome = "read"
        finally:
            self._reads.add(1, {"collection": audio.collection, "outcome": outcome})
            _tell("audio.read", audio=str(audio.name), size_bytes=sent.size_bytes, outcome=outcome)

    def kept(self, audio: Audio) -> None:
        """A caller moved an end."""
        _tell("audio.kept", audio=str(audio.name), expire_time=audio.expire_time and audio.expire_time.isoformat())

    def deleted(self, names: Iterable[AudioName]) -> None:
        """A caller deleted audio that was there."""
        gone = list(names)
        self._deletions.add(len(gone))
        if gone:
            _tell("audio.deleted", **_names(gone))


def _facts(audio: Audio) -> dict[str, Any]:
    return {
        "audio": str(audio.name),
        "collection": audio.collection,
        "content_type": audio.content_type,
        "size_bytes": audio.size_bytes,
    }


def _names(names: Collection[AudioName]) -> dict[str, Any]:
    """How many, and which, as far as they fit into a line."""
    return {
        "count": len(names),
        "audio": ",".join(str(name) for name, _ in zip(names, range(_MOST_NAMES), strict=False)),
    }


def _tell(event: str, **facts: Any) -> None:
    if logger.isEnabledFor(logging.INFO):
        logger.info(event, extra={"caller": current_caller().name, **facts})
