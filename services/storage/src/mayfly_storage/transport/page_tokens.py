"""Page tokens: the backend's cursor, bound to the method and the filters that it belongs to.

A token holds nothing secret, and nothing relies on its honesty: it can only lead to where its filters lead, and a
backend refuses a cursor that is not its own. The fingerprint catches mistakes: other filters, a token that was cut.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Final, TypeAlias

from mayfly_storage.domain.errors import PageTokenInvalidError

if TYPE_CHECKING:
    from mayfly.storage.v1 import retention_service_pb2 as retention_pb
    from mayfly.storage.v1 import storage_service_pb2 as storage_pb

    PagedRequest: TypeAlias = (
        storage_pb.ListAudioRequest
        | retention_pb.ListExpiredRequest
        | retention_pb.ListOrphansRequest
        | retention_pb.ListCertificatesRequest
    )

_FINGERPRINT_BYTES: Final = 8


def read(request: PagedRequest) -> str:
    """The cursor in the request's token; empty for the first page.

    Raises:
        PageTokenInvalidError: It is no token, or one of another method or of other filters.
    """
    if not request.page_token:
        return ""
    try:
        raw = base64.b64decode(request.page_token + "=" * (-len(request.page_token) % 4), altchars=b"-_", validate=True)
        cursor = raw[_FINGERPRINT_BYTES:].decode()
    except ValueError:
        raise PageTokenInvalidError from None
    if not cursor or not hmac.compare_digest(raw[:_FINGERPRINT_BYTES], _fingerprint(request, cursor)):
        raise PageTokenInvalidError
    return cursor


def make(request: PagedRequest, cursor: str) -> str:
    """The token of the page that follows this request's; empty after the last page."""
    if not cursor:
        return ""
    return base64.urlsafe_b64encode(_fingerprint(request, cursor) + cursor.encode()).rstrip(b"=").decode()


def _fingerprint(request: PagedRequest, cursor: str) -> bytes:
    """Of the cursor and all that was asked, but the page and its size: the size may differ from page to page."""
    filters = type(request).FromString(request.SerializeToString())
    filters.ClearField("page_size")
    filters.ClearField("page_token")
    asked = filters.DESCRIPTOR.full_name.encode() + b"\0" + filters.SerializeToString(deterministic=True)
    return hashlib.sha256(asked + b"\0" + cursor.encode()).digest()[:_FINGERPRINT_BYTES]
