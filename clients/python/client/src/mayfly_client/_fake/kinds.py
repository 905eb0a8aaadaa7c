"""The collections that ship with storage, as far as a fake needs them."""

from __future__ import annotations

import string
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import grpc

from mayfly_client._fake.refusal import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPOKEN = ("audio/wav", "audio/mpeg", "audio/ogg", "audio/mp4", "audio/flac")
_RECORDED = (*_SPOKEN, "audio/m4a", "audio/aac", "audio/x-caf", "audio/webm")
_ANY = (*_RECORDED, "audio/aiff")
_HEADERLESS = ("audio/L16", "audio/basic", "audio/x-alaw-basic")
SUFFIXES = {
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "audio/m4a": "m4a",
    "audio/flac": "flac",
    "audio/aac": "aac",
    "audio/x-caf": "caf",
    "audio/aiff": "aiff",
    "audio/webm": "webm",
    "audio/L16": "pcm",
    "audio/basic": "ulaw",
    "audio/x-alaw-basic": "alaw",
    "application/octet-stream": "bin",
}
_GIVEN_BY_STORAGE = frozenset({"date", "audio_id", "ext", "timestamp", "user_id"})

MAX_SIZE_BYTES = 52_428_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One collection."""

    id: str
    templates: tuple[str, ...]
    lifetime: timedelta | None
    url_lifetime: timedelta = timedelta(hours=1)
    content_types: tuple[str, ...] = _ANY

    def object_key(self, chosen: Mapping[str, str], given: Mapping[str, str]) -> str:
        """The key for what the caller chose and what storage gives; Refusal if no template fits.

        Args:
            chosen: The caller's key fields.
            given: `date`, `audio_id`, `timestamp`, `content_type`, and `user_id` if there is one.
        """
        values = {**given, "ext": SUFFIXES[given["content_type"]]}
        for template in self.templates:
            names = _names(template)
            if names - _GIVEN_BY_STORAGE == set(chosen) and ("user_id" not in names or "user_id" in given):
                return template.replace("{index:03}", chosen.get("index", "").zfill(3)).format(**values, **chosen)
        wanted = " or ".join(str(sorted(_names(each) - _GIVEN_BY_STORAGE)) for each in self.templates)
        raise invalid("audio.key_fields", f"{self.id} takes exactly {wanted}, and a user where its key has one")


def _names(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


KINDS: Mapping[str, Kind] = {
    each.id: each
    for each in (
        Kind(
            id="temp-audio",
            templates=("temp-audio/{date}/{audio_id}.{ext}",),
            lifetime=timedelta(hours=24),
            url_lifetime=timedelta(hours=24),
            content_types=(*_SPOKEN, *_HEADERLESS),
        ),
        Kind(
            id="speech-sessions",
            templates=(
                "audio/users/{user_id}/{session_id}/segment_{index:03}.{ext}",
                "audio/anonymous/{session_id}/segment_{index:03}.{ext}",
            ),
            lifetime=timedelta(days=7),
            content_types=_SPOKEN,
        ),
        Kind(
            id="recordings",
            templates=("users/{user_id}/recordings/{recording_id}/audio.{ext}",),
            lifetime=None,
            content_types=_RECORDED,
        ),
        Kind(
            id="debug",
            templates=("debug/{date}/{kind}-{timestamp}-{request_id}.{ext}",),
            lifetime=timedelta(days=3),
            content_types=(*_ANY, *_HEADERLESS, "application/octet-stream"),
        ),
        Kind(
            id="pitches",
            templates=("pitches/{pitch_id}/original_file.{ext}", "pitches/{pitch_id}/processed/{filename}"),
            lifetime=None,
        ),
        Kind(
            id="processing",
            templates=("processed-audio/{project_id}/{pitch_id}/{filename}",),
            lifetime=timedelta(hours=1),
        ),
    )
}


def kind_of(collection: str, *, field: str = "audio.collection") -> Kind:
    """The collection of this id; Refusal if there is none."""
    if not collection:
        raise invalid(field, "is required; e.g. temp-audio")
    if collection not in KINDS:
        raise Refusal(
            code=grpc.StatusCode.INVALID_ARGUMENT,
            reason="COLLECTION_UNKNOWN",
            message=f"no collection is named {collection!r}; there are {', '.join(KINDS)}",
            metadata={"collection": collection, "allowed": ", ".join(KINDS)},
        )
    return KINDS[collection]
