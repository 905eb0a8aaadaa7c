"""Calls that the contract has and this release does not carry out: their requests are judged all the same.

Each function raises InvalidRequestError, and NotImplementedYetError for a request that is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from mayfly_runtime.errors import NotImplementedYetError
from mayfly_storage.transport.form import Form

if TYPE_CHECKING:
    from mayfly.storage.v1 import retention_service_pb2 as retention_pb

_MAX_CERTIFICATE_BYTES: Final = 1024 * 1024


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
