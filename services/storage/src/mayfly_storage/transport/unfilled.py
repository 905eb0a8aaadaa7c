"""Calls that the contract has and this release does not carry out: their requests are judged all the same.

Each function raises InvalidRequestError, and NotImplementedYetError for a request that is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from mayfly_runtime.errors import NotImplementedYetError
from mayfly_storage.transport.form import Form
from mayfly_storage.transport.new_audio import MAX_COLLECTION_LENGTH, SHORTEST_LIFE, subject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mayfly.storage.v1 import retention_service_pb2 as retention_pb
    from mayfly.storage.v1 import storage_service_pb2 as storage_pb

_MAX_CERTIFICATE_BYTES: Final = 1024 * 1024


def download_audio(request: storage_pb.DownloadAudioRequest) -> Iterable[storage_pb.DownloadAudioResponse]:
    """Bytes over gRPC; until then, SignUrls leads to them."""
    form = Form()
    form.audio_name("name", request.name)
    form.not_negative("offset_bytes", request.offset_bytes)
    form.not_negative("limit_bytes", request.limit_bytes)
    _end(form, "DownloadAudio")


def retain_audio(request: storage_pb.RetainAudioRequest) -> NoReturn:
    """Moving an expiry."""
    form = Form()
    form.audio_name("name", request.name)
    kind = request.WhichOneof("expiration")
    form.require(kind is not None, "expiration", "is required: an expire_time or a ttl")
    if kind == "expire_time":
        form.timestamp("expire_time", request.expire_time)
    if kind == "ttl":
        form.duration("ttl", request.ttl, least=SHORTEST_LIFE)
    _end(form, "RetainAudio")


def forget_subject(request: storage_pb.ForgetSubjectRequest) -> NoReturn:
    """Deleting all audio of a person."""
    form = Form()
    if form.require(request.HasField("subject"), "subject", "is required: whose audio to delete"):
        subject(form.within("subject"), request.subject)
    _end(form, "ForgetSubject")


def get_usage(request: storage_pb.GetUsageRequest) -> NoReturn:
    """What is stored."""
    form = Form()
    form.text("collection", request.collection, longest=MAX_COLLECTION_LENGTH)
    _end(form, "GetUsage")


def append_certificate(request: retention_pb.AppendCertificateRequest) -> NoReturn:
    """Certificates of sweeps."""
    form = Form()
    form.request_id(request.request_id)
    size = len(request.body)
    form.require(
        1 <= size <= _MAX_CERTIFICATE_BYTES,
        "body",
        f"is required: 1 to {_MAX_CERTIFICATE_BYTES:,} bytes; it has {size:,}",
    )
    form.sha256("previous_sha256", request.previous_sha256, needed=False)
    _end(form, "AppendCertificate")


def list_certificates(request: retention_pb.ListCertificatesRequest) -> NoReturn:
    """The chain of certificates."""
    form = Form()
    form.page_size(request.page_size, default=20, largest=100)
    _end(form, "ListCertificates")


def _end(form: Form, method: str) -> NoReturn:
    form.done()
    raise NotImplementedYetError(method)
