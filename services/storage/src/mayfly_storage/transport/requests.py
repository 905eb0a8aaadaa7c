"""From the requests of StorageService to what the use cases take. All problems of a request are told at once.

Every function raises InvalidRequestError.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final, TypeAlias

from mayfly_runtime.violations import InvalidRequestError, Violation
from mayfly_storage.domain.audio import AudioName
from mayfly_storage.domain.keys import MAX_KEY_BYTES
from mayfly_storage.domain.parts import MOST_PARTS
from mayfly_storage.domain.ports import AudioFilter
from mayfly_storage.domain.quotas import QuotaRequest, Work
from mayfly_storage.domain.uploads import NewAudio, Subject, UploadRequest
from mayfly_storage.transport.form import Form
from mayfly_storage.transport.new_audio import MAX_COLLECTION_LENGTH, SHORTEST_LIFE, new_audio, subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from mayfly.storage.v1 import audio_pb2
    from mayfly.storage.v1 import storage_service_pb2 as pb

MAX_PAGE_SIZE: Final = 1_000
DEFAULT_PAGE_SIZE: Final = 100
_MAX_ATTEMPT_LENGTH: Final = 4096
"""A ticket holds the object's key in base64, and keys have up to 1,024 bytes."""

_MAX_ETAG: Final = 128
_MAX_RESERVATION_LENGTH: Final = 4096

AskedName: TypeAlias = "tuple[str, AudioName | InvalidRequestError]"
"""A name of a batch as it was asked for, and what it means: a bad one is its own item's failure."""


def reserve_quota(request: pb.ReserveQuotaRequest, *, caller: str) -> QuotaRequest:
    """The work to be done, and for whom."""
    form = Form()
    request_id, whose = form.request_id(request.request_id), Subject()
    if form.require(request.HasField("subject"), "subject", "is required: who the work is for"):
        whose = subject(form.within("subject"), request.subject)
    wanted = QuotaRequest(
        caller=caller,
        request_id=request_id,
        subject=whose,
        collection=form.text(
            "collection", request.collection, longest=MAX_COLLECTION_LENGTH, needed="where the result will go"
        ),
        work=Work(
            characters=form.not_negative("characters", request.characters),
            size_bytes=form.not_negative("size_bytes", request.size_bytes),
            objects=_objects(form, request),
        ),
    )
    form.done()
    return wanted


def _objects(form: Form, request: pb.ReserveQuotaRequest) -> int:
    if not request.HasField("objects"):
        return 1
    form.require(request.objects in {0, 1}, "objects", f"must be 0 or 1; it is {request.objects}")
    return request.objects


def create_upload(request: pb.CreateUploadRequest, *, caller: str) -> UploadRequest:
    """What to reserve."""
    form = Form()
    wanted = _upload_request(form, request, caller=caller)
    form.require(request.size_bytes >= 1, "size_bytes", f"is required: at least 1 byte; it is {request.size_bytes}")
    form.sha256("sha256", request.sha256, needed=True)
    form.done()
    return wanted


def upload_header(header: pb.UploadAudioHeader, *, caller: str) -> UploadRequest:
    """What a stream announces; size and SHA-256 are 0 and empty where it does not."""
    whole = Form()
    form = whole.within("header")
    wanted = _upload_request(form, header, caller=caller)
    form.not_negative("size_bytes", header.size_bytes)
    form.sha256("sha256", header.sha256, needed=False)
    whole.done()
    return wanted


def _upload_request(
    form: Form, request: pb.CreateUploadRequest | pb.UploadAudioHeader, *, caller: str
) -> UploadRequest:
    return UploadRequest(
        caller=caller,
        request_id=form.request_id(request.request_id),
        audio=_needed_audio(form, request.audio, given=request.HasField("audio")),
        size_bytes=request.size_bytes,
        sha256=request.sha256,
        quota_reservation=form.text("quota_reservation", request.quota_reservation, longest=_MAX_RESERVATION_LENGTH),
    )


def _needed_audio(form: Form, message: audio_pb2.NewAudio, *, given: bool) -> NewAudio:
    if not form.require(given, "audio", "is required: what to store"):
        return NewAudio(collection="", content_type="")
    return new_audio(form.within("audio"), message)


def commit_upload(request: pb.CommitUploadRequest) -> tuple[AudioName, str, Sequence[str]]:
    """Which upload to commit, as which attempt, and the ETags of its parts."""
    form = Form()
    few, short = len(request.part_etags) <= MOST_PARTS, all(0 < len(each) <= _MAX_ETAG for each in request.part_etags)
    form.require(few, "part_etags", f"must be at most {MOST_PARTS:,}; there are {len(request.part_etags):,}")
    form.require(short, "part_etags", f"must be 1 to {_MAX_ETAG} characters each, as the store answered them")
    return *_attempt(form, request), request.part_etags


def abandon_upload(request: pb.AbandonUploadRequest) -> tuple[AudioName, str]:
    """Which upload to give up, and as which attempt."""
    return _attempt(Form(), request)


def _attempt(form: Form, request: pb.CommitUploadRequest | pb.AbandonUploadRequest) -> tuple[AudioName, str]:
    name = form.audio_name("name", request.name)
    attempt = form.text("attempt", request.attempt, longest=_MAX_ATTEMPT_LENGTH, needed="the attempt of the grant")
    form.done()
    return name, attempt


def audio_name(request: pb.GetAudioRequest | pb.DeleteAudioRequest) -> AudioName:
    """The name of one audio."""
    form = Form()
    name = form.audio_name("name", request.name)
    form.done()
    return name


def list_audio(request: pb.ListAudioRequest) -> tuple[AudioFilter, Subject | None, int]:
    """What to list, of whom, and how many at most."""
    form = Form()
    prefix = unicodedata.normalize("NFC", request.object_key_prefix)
    wanted = AudioFilter(
        collection=form.text("collection", request.collection, longest=MAX_COLLECTION_LENGTH),
        date=form.day("date", request.date),
        session_id=form.component("session_id", request.session_id) if request.session_id else "",
        object_key_prefix=form.text("object_key_prefix", prefix, longest=MAX_KEY_BYTES),
    )
    owner = subject(form.within("subject"), request.subject) if request.HasField("subject") else None
    limit = form.page_size(request.page_size, default=DEFAULT_PAGE_SIZE, largest=MAX_PAGE_SIZE)
    form.done()
    return wanted, owner, limit


def batch_names(request: pb.BatchDeleteAudioRequest | pb.SignUrlsRequest, form: Form | None = None) -> list[AskedName]:
    """The names of a batch, in order."""
    form = form or Form()
    form.batch("names", request.names)
    form.done()
    return [(text, _asked(text, f"names[{index}]")) for index, text in enumerate(request.names)]


def _asked(text: str, field: str) -> AudioName | InvalidRequestError:
    try:
        return AudioName.parse(text)
    except ValueError as error:
        return InvalidRequestError(Violation(field, str(error)))


def well_formed(asked: Iterable[AskedName]) -> Sequence[AudioName]:
    """The names of a batch that are names."""
    return [name for _, name in asked if isinstance(name, AudioName)]


def sign_urls(request: pb.SignUrlsRequest) -> tuple[list[AskedName], timedelta | None]:
    """The names to sign, and how long the links should live."""
    form = Form()
    ttl = form.duration("ttl", request.ttl, least=SHORTEST_LIFE) if request.HasField("ttl") else None
    return batch_names(request, form), ttl


def download_audio(request: pb.DownloadAudioRequest) -> tuple[AudioName, int, int]:
    """Whose bytes, from where, and how many at most (0: all)."""
    form = Form()
    name = form.audio_name("name", request.name)
    offset = form.not_negative("offset_bytes", request.offset_bytes)
    limit = form.not_negative("limit_bytes", request.limit_bytes)
    form.done()
    return name, offset, limit


def retain_audio(request: pb.RetainAudioRequest) -> tuple[AudioName, datetime | None, timedelta | None]:
    """Which audio to keep until when, or how long from now."""
    form = Form()
    name = form.audio_name("name", request.name)
    kind = request.WhichOneof("expiration")
    form.require(kind is not None, "expiration", "is required: an expire_time or a ttl")
    expire_time = form.timestamp("expire_time", request.expire_time) if kind == "expire_time" else None
    ttl = form.duration("ttl", request.ttl, least=SHORTEST_LIFE) if kind == "ttl" else None
    form.done()
    return name, expire_time, ttl


def forget_subject(request: pb.ForgetSubjectRequest) -> Subject:
    """Whose audio to delete."""
    form = Form()
    found = Subject()
    if form.require(request.HasField("subject"), "subject", "is required: whose audio to delete"):
        found = subject(form.within("subject"), request.subject)
    form.done()
    return found


def get_usage(request: pb.GetUsageRequest) -> str:
    """Which collection to measure; empty: all."""
    form = Form()
    collection = form.text("collection", request.collection, longest=MAX_COLLECTION_LENGTH)
    form.done()
    return collection
