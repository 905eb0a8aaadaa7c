"""Requests to storage from plain arguments.

Only what cannot be expressed is refused here; the server validates the rest.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING

from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_client._argument_error import ArgumentError
from mayfly_client._options import ListOptions, NewAudioOptions, SubjectOptions, refuse_unknown
from mayfly_client._request_ids import request_id_or_new
from mayfly_client._times import Seconds, duration, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mayfly_client._options import ExpiryOptions

CHUNK_BYTES = 65_536
"""The most bytes in one message of a stream."""

SIGN_BATCH = 1_000
"""The most names in one SignUrls call."""


def new_audio(method: str, collection: str, content_type: str, given: NewAudioOptions) -> audio_pb2.NewAudio:
    """What the writer of an audio decides about it."""
    refuse_unknown(method, given, NewAudioOptions)
    one_expiry(given)
    return audio_pb2.NewAudio(
        collection=collection,
        content_type=content_type,
        expire_time=timestamp(given.get("expire_time"), "expire_time"),
        ttl=duration(given.get("ttl")),
        key_fields=given.get("key_fields") or {},
        subject=_subject(given),
        voice=given.get("voice") or "",
        text=given.get("text") or "",
        duration=duration(given.get("duration")),
        labels=given.get("labels") or {},
    )


def one_expiry(given: ExpiryOptions) -> None:
    """`ttl` and `expire_time` share one place in a request; so only one of them can be sent."""
    if given.get("ttl") is not None and given.get("expire_time") is not None:
        raise ArgumentError("give ttl or expire_time, not both")


def one_subject(given: SubjectOptions) -> None:
    """`user_id` and `guest_address` share one place in a request; so only one of them can be sent."""
    if given.get("user_id") is not None and given.get("guest_address") is not None:
        raise ArgumentError("give user_id or guest_address, not both: an audio belongs to one subject")


def _subject(given: SubjectOptions) -> audio_pb2.Subject | None:
    one_subject(given)
    if (user_id := given.get("user_id")) is not None:
        return audio_pb2.Subject(user_id=user_id)
    if (guest_address := given.get("guest_address")) is not None:
        return audio_pb2.Subject(guest_address=guest_address)
    return None


def reserve_quota(
    collection: str, subject: SubjectOptions, *, characters: int, size_bytes: int, objects: int, request_id: str | None
) -> pb.ReserveQuotaRequest:
    """State the work to be done."""
    refuse_unknown("reserve_quota", subject, SubjectOptions)
    return pb.ReserveQuotaRequest(
        request_id=request_id_or_new(request_id),
        subject=_subject(subject),
        collection=collection,
        characters=characters,
        size_bytes=size_bytes,
        objects=objects,
    )


def create_upload(
    audio: audio_pb2.NewAudio,
    *,
    size_bytes: int,
    sha256: bytes,
    request_id: str | None,
    quota_reservation: str = "",
) -> pb.CreateUploadRequest:
    """Announce bytes of known size and checksum."""
    return pb.CreateUploadRequest(
        request_id=request_id_or_new(request_id),
        audio=audio,
        size_bytes=size_bytes,
        sha256=sha256,
        quota_reservation=quota_reservation,
    )


def commit_upload(name: str, attempt: str, part_etags: Sequence[str]) -> pb.CommitUploadRequest:
    """Say that the bytes are there."""
    return pb.CommitUploadRequest(name=name, attempt=attempt, part_etags=part_etags)


def abandon_upload(name: str, attempt: str) -> pb.AbandonUploadRequest:
    """Give an upload up."""
    return pb.AbandonUploadRequest(name=name, attempt=attempt)


def upload_header(
    audio: audio_pb2.NewAudio, *, request_id: str | None, quota_reservation: str
) -> pb.UploadAudioRequest:
    """The first message of a streamed upload."""
    header = pb.UploadAudioHeader(
        request_id=request_id_or_new(request_id), audio=audio, quota_reservation=quota_reservation
    )
    return pb.UploadAudioRequest(header=header)


def upload_chunks(data: bytes) -> list[pb.UploadAudioRequest]:
    """Messages for some bytes of any length."""
    view = memoryview(data)
    return [
        pb.UploadAudioRequest(chunk=bytes(view[start : start + CHUNK_BYTES]))
        for start in range(0, len(view), CHUNK_BYTES)
    ]


class UploadFooter:
    """Counts what is sent, so that the last message can say that it was all."""

    def __init__(self) -> None:
        self._size = 0
        self._digest = hashlib.sha256()

    def chunks(self, piece: bytes) -> list[pb.UploadAudioRequest]:
        """Messages for the next piece, which is counted."""
        self._size += len(piece)
        self._digest.update(piece)
        return upload_chunks(piece)

    def message(self) -> pb.UploadAudioRequest:
        """The last message of a streamed upload."""
        footer = pb.UploadAudioFooter(size_bytes=self._size, sha256=self._digest.digest())
        return pb.UploadAudioRequest(footer=footer)


def get_audio(name: str) -> pb.GetAudioRequest:
    """Ask by name."""
    return pb.GetAudioRequest(name=name)


def delete_audio(name: str) -> pb.DeleteAudioRequest:
    """Delete by name."""
    return pb.DeleteAudioRequest(name=name)


def list_audio(given: ListOptions, page_token: str) -> pb.ListAudioRequest:
    """Ask for one page."""
    refuse_unknown("list", given, ListOptions)
    day = given.get("date")
    return pb.ListAudioRequest(
        collection=given.get("collection") or "",
        date=day.isoformat() if isinstance(day, date) else day or "",
        subject=_subject(given),
        session_id=given.get("session_id") or "",
        object_key_prefix=given.get("object_key_prefix") or "",
        page_size=given.get("page_size") or 0,
        page_token=page_token,
    )


def download_audio(name: str, offset: int, limit: int | None) -> pb.DownloadAudioRequest:
    """Ask for bytes."""
    return pb.DownloadAudioRequest(name=name, offset_bytes=offset, limit_bytes=limit or 0)


def retain_audio(name: str, ttl: Seconds | None, expire_time: datetime | None) -> pb.RetainAudioRequest:
    """Move an end."""
    if (ttl is None) == (expire_time is None):
        raise ArgumentError("give ttl or expire_time: one of them, not both")
    return pb.RetainAudioRequest(name=name, ttl=duration(ttl), expire_time=timestamp(expire_time, "expire_time"))


def forget_subject(*, user_id: str | None, guest_address: str | None) -> pb.ForgetSubjectRequest:
    """Name a person."""
    subject = _subject({"user_id": user_id, "guest_address": guest_address})
    if subject is None:
        raise ArgumentError("give user_id or guest_address: whose audio to delete")
    return pb.ForgetSubjectRequest(subject=subject)


def get_usage(collection: str | None) -> pb.GetUsageRequest:
    """Ask what is stored."""
    return pb.GetUsageRequest(collection=collection or "")


def sign_urls(names: Sequence[str], *, ttl: Seconds | None, attachment: bool) -> list[pb.SignUrlsRequest]:
    """Ask for links, in as many requests as the names need."""
    if isinstance(names, str):
        raise TypeError("sign() takes several names; for one of them, use url(name)")
    return [
        pb.SignUrlsRequest(names=names[start : start + SIGN_BATCH], ttl=duration(ttl), attachment=attachment)
        for start in range(0, len(names), SIGN_BATCH)
    ]
