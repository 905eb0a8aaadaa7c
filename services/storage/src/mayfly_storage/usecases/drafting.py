"""From what a writer asks to the row that it gets: every rule of a collection is applied here, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Audio, AudioName, State
from mayfly_storage.domain.collections import LONGEST_LIFE
from mayfly_storage.domain.content_types import EXTENSIONS
from mayfly_storage.domain.errors import (
    AudioTooLargeError,
    CollectionForbiddenError,
    ContentTypeNotAllowedError,
    InvalidAudioError,
)
from mayfly_storage.domain.keys import normalize_component
from mayfly_storage.domain.parts import LARGE
from mayfly_storage.domain.uploads import NewAudio, Subject, UploadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from mayfly_storage.domain.collections import Collection, Collections
    from mayfly_storage.domain.privacy import Privacy
    from mayfly_storage.domain.stores import Stores
    from mayfly_storage.domain.timing import Timing
    from mayfly_storage.usecases.quotas import PayForUpload


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftAudio:
    """Makes the PENDING row of an upload, or refuses it. Touches no store."""

    collections: Collections
    privacy: Privacy
    timing: Timing
    stores: Stores
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    new_attempt: Callable[[], str]

    def __call__(self, request: UploadRequest) -> Audio:
        """The row. Raises InvalidAudioError, CollectionUnknownError, CollectionForbiddenError and their like."""
        wanted, now = request.audio, self.now()
        collection = self.collections.get(wanted.collection, field="audio.collection")
        _admit(request, collection)
        name = AudioName.new(now, self.new_id())
        subject = _subject(wanted.subject)
        key_fields = _components(wanted.key_fields)
        template = collection.template_for(key_fields, has_user=bool(subject.user_id))
        location = self.stores.for_new_audio
        is_large = request.size_bytes > LARGE or self.stores.by_location[location].parts_for(request.size_bytes)
        return Audio(
            name=name,
            collection=collection.id,
            state=State.PENDING,
            location=location,
            object_key=_render(template.render, {**key_fields, **_own_fields(name, wanted, subject, now)}),
            content_type=wanted.content_type,
            size_bytes=request.size_bytes,
            sha256=request.sha256,
            attempt=self.new_attempt(),
            create_time=now,
            upload_deadline=now + (self.timing.multipart_lifetime if is_large else self.timing.upload_lifetime),
            expire_time=_expire_time(wanted, collection, now),
            claims_key=not template.is_unique,
            duration=wanted.duration,
            voice=wanted.voice,
            text=self.privacy.text(wanted.text),
            user_id=subject.user_id,
            owner=self.privacy.owner(subject, now),
            ip_address=self.privacy.ip_address(subject, now),
            writer=request.caller,
            key_fields=key_fields,
            labels=dict(wanted.labels),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmitStream:
    """Refuses a streamed upload before its bytes are taken, where no bytes could make it right."""

    draft: DraftAudio
    pay: PayForUpload

    def __call__(self, request: UploadRequest) -> int:
        """The most bytes that the stream may have. Raises what DraftAudio and PayForUpload raise; counts nothing."""
        self.draft(request)
        self.pay(request)
        return self.draft.collections.get(request.audio.collection).max_size_bytes


def _admit(request: UploadRequest, collection: Collection) -> None:
    if collection.writers and request.caller not in collection.writers:
        raise CollectionForbiddenError(collection.id, request.caller)
    if request.audio.content_type not in collection.content_types:
        raise ContentTypeNotAllowedError(request.audio.content_type, collection.id, collection.content_types)
    if request.size_bytes > collection.max_size_bytes:
        raise AudioTooLargeError(request.size_bytes, collection.max_size_bytes, collection.id)


def _own_fields(name: AudioName, wanted: NewAudio, subject: Subject, now: datetime) -> dict[str, str]:
    return {
        "date": name.date,
        "audio_id": name.audio_id,
        "ext": EXTENSIONS[wanted.content_type],
        "timestamp": str(int(now.timestamp() * 1000)),
        "user_id": subject.user_id,
    }


def _subject(subject: Subject | None) -> Subject:
    if subject is None or not subject.user_id:
        return subject or Subject()
    return Subject(user_id=_checked("audio.subject.user_id", subject.user_id))


def _components(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: _checked(f"audio.key_fields[{name}]", value) for name, value in fields.items()}


def _checked(field: str, value: str) -> str:
    try:
        return normalize_component(value)
    except ValueError as error:
        raise InvalidAudioError(field, str(error)) from None


def _render(render: Callable[[Mapping[str, str]], str], values: Mapping[str, str]) -> str:
    try:
        return render(values)
    except ValueError as error:
        raise InvalidAudioError("audio.key_fields", str(error)) from None


def _expire_time(wanted: NewAudio, collection: Collection, now: datetime) -> datetime | None:
    limit = now + (collection.lifetime or LONGEST_LIFE)
    asked = wanted.expire_time or (now + min(wanted.ttl, LONGEST_LIFE) if wanted.ttl else None)
    if asked is None:
        return limit if collection.lifetime else None
    if asked <= now:
        raise InvalidAudioError("audio.expire_time", "must be in the future")
    return min(asked, limit)
