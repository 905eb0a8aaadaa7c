"""Certificates and what they say of the store, between messages and the use cases."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp
from mayfly.storage.v1 import retention_service_pb2 as pb

from mayfly_storage.domain.certificates import MAX_BODY_BYTES, Certificate
from mayfly_storage.domain.findings import Finding, Verdict
from mayfly_storage.transport.form import Form

if TYPE_CHECKING:
    from datetime import datetime

    from mayfly_storage.usecases.certifying import CertificatePage, StoreDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCertificate:
    """What AppendCertificate asks for."""

    body: bytes
    previous_sha256: bytes
    request_id: str


def append_certificate(request: pb.AppendCertificateRequest) -> NewCertificate:
    """The certificate that is to be appended.

    Raises:
        InvalidRequestError: With every problem of the request.
    """
    form = Form()
    request_id = form.request_id(request.request_id)
    size = len(request.body)
    fits = f"is required: 1 to {MAX_BODY_BYTES:,} bytes; it has {size:,}"
    if form.require(1 <= size <= MAX_BODY_BYTES, "body", fits):
        form.require(_is_document(request.body), "body", "must be a JSON object in UTF-8")
    previous = form.sha256("previous_sha256", request.previous_sha256, needed=False)
    form.done()
    return NewCertificate(body=request.body, previous_sha256=previous, request_id=request_id)


def _is_document(body: bytes) -> bool:
    # Nothing leaves the chain: what nobody can read would stay in its readers' way.
    try:
        return isinstance(json.loads(body.decode()), dict)
    except (ValueError, RecursionError):
        return False


def page_limit(request: pb.ListCertificatesRequest) -> int:
    """How many certificates a page has at most.

    Raises:
        InvalidRequestError: It is negative.
    """
    form = Form()
    limit = form.page_size(request.page_size, default=20, largest=100)
    form.done()
    return limit


def certificate(one: Certificate) -> pb.Certificate:
    """A certificate."""
    return pb.Certificate(
        sequence=one.sequence,
        body=one.body,
        sha256=one.sha256,
        previous_sha256=one.previous_sha256,
        create_time=_timestamp(one.create_time),
    )


def list_certificates(page: CertificatePage, next_page_token: str) -> pb.ListCertificatesResponse:
    """A page of the chain."""
    return pb.ListCertificatesResponse(
        certificates=map(certificate, page.certificates), next_page_token=next_page_token
    )


def describe_store(store: StoreDescription) -> pb.DescribeStoreResponse:
    """The store as it is now."""
    return pb.DescribeStoreResponse(
        backend=store.backend,
        bucket=store.bucket,
        region=store.region,
        store_time=_timestamp(store.store_time),
        settings=map(_setting, store.settings),
    )


def _setting(finding: Finding) -> pb.DescribeStoreResponse.Setting:
    deletes = finding.verdict in {Verdict.OK, Verdict.WARNING}
    return pb.DescribeStoreResponse.Setting(name=finding.check, seen=finding.detail, deletes=deletes)


def _timestamp(time: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(time)
    return message
