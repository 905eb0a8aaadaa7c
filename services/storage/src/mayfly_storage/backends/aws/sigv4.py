"""Presigned S3 URLs by signature version 4: byte for byte those of botocore, without what it does around them.

What is the same for many URLs is made once: the endpoint for a bucket, the signing key for a day, the first half of the
query for a moment. What is left for a URL is one SHA-256, one HMAC and some quoting.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from botocore.credentials import ReadOnlyCredentials

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._~-]+")
_UNSAFE_IN_KEYS: Final = re.compile(r"[^A-Za-z0-9._~/-]+")
_ESCAPES: Final = 1024
"""Texts that are remembered: the types, dates and runs of such characters in links are few and come often."""
_MOMENTS: Final = 64
"""Moments that are remembered: links of a window share one; each collection's life may have its own window."""
_KEYS: Final = 8
"""Signing keys that are remembered: a new one every day, and after every refresh of the credentials."""


@dataclass(frozen=True, slots=True)
class BucketEndpoint:
    """Where the objects of a bucket are: a URL is `base` + quoted key, what is signed is `path` + quoted key."""

    base: str
    path: str
    host: str
    """The Host header: in lower case, with a port only if it is not the scheme's own."""

    @classmethod
    def of(cls, url: str, *, key: str) -> Self:
        """From the URL of the object with this key: how a bucket is addressed is botocore's affair."""
        base = url.partition("?")[0].removesuffix(quoted_key(key))
        parts = urlsplit(base)
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        is_usual = parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)}
        return cls(base=base, path=parts.path, host=host if is_usual else f"{host}:{parts.port}")


@dataclass(frozen=True, slots=True)
class _Moment:
    """What all URLs share that the same credentials sign at the same second."""

    key: bytes = field(repr=False)
    scope: str
    """Date, region, service: the middle of what is signed."""
    timestamp: str
    begin: str
    """The query up to the life of the URL."""
    token: str = field(repr=False)
    """The session token's part of the query, if there is one."""


class SigV4Presigner:
    """Signs URLs to the objects of one bucket."""

    def __init__(self, endpoint: BucketEndpoint, *, region: str) -> None:
        """Take where the bucket is, and the region that signatures are for."""
        self._endpoint = endpoint
        self._region = region
        self._moment = lru_cache(maxsize=_MOMENTS)(self._make_moment)

    def sign(  # noqa: PLR0913 - all keyword-only after the first two; they are what a signature covers
        self,
        method: str,
        key: str,
        *,
        credentials: ReadOnlyCredentials,
        at: datetime,
        seconds: int,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """A URL that is valid for `seconds` from `at` on.

        Args:
            method: GET or PUT.
            key: The object's key.
            credentials: What signs; the URL dies with them, whatever it says.
            at: When the signature counts from, in UTC; microseconds do not count.
            seconds: How long it is valid, 1 to 604,800.
            query: Parameters of the operation, in the order in which they stand in the URL. Their names begin with a
                small letter, as all of S3's own do.
            headers: Headers that the request must have, as they are.
        """
        moment = self._moment(credentials, at)
        names, lines = self._signed_headers(headers)
        life, signed = f"&X-Amz-Expires={seconds}", f"&X-Amz-SignedHeaders={_quoted(names)}"
        parameters = [f"{name}={_quoted(value)}" for name, value in query]
        path = quoted_key(key)
        # Sorted by name: capital letters first, and among ours the token before the names of the headers.
        canonical_query = "&".join((moment.begin + life + moment.token + signed, *sorted(parameters)))
        request = f"{method}\n{self._endpoint.path}{path}\n{canonical_query}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(request.encode()).hexdigest()
        message = f"{_ALGORITHM}\n{moment.timestamp}\n{moment.scope}\n{digest}"
        signature = hmac.digest(moment.key, message.encode(), "sha256").hex()
        own = "".join(f"{parameter}&" for parameter in parameters)
        ours = f"{moment.begin}{life}{signed}{moment.token}"
        return f"{self._endpoint.base}{path}?{own}{ours}&X-Amz-Signature={signature}"

    def _signed_headers(self, headers: Mapping[str, str] | None) -> tuple[str, str]:
        """Their names, and themselves in canonical form."""
        if not headers:
            return "host", f"host:{self._endpoint.host}\n"
        lines = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
        lines["host"] = self._endpoint.host
        names = sorted(lines)
        return ";".join(names), "".join(f"{name}:{lines[name]}\n" for name in names)

    def _make_moment(self, credentials: ReadOnlyCredentials, at: datetime) -> _Moment:
        day, timestamp = f"{at:%Y%m%d}", f"{at:%Y%m%dT%H%M%SZ}"
        scope = f"{day}/{self._region}/s3/aws4_request"
        who = _quoted(f"{credentials.access_key}/{scope}")
        token = credentials.token
        return _Moment(
            key=_signing_key(credentials.secret_key, day, self._region),
            scope=scope,
            timestamp=timestamp,
            begin=f"X-Amz-Algorithm={_ALGORITHM}&X-Amz-Credential={who}&X-Amz-Date={timestamp}",
            token=f"&X-Amz-Security-Token={_quoted(token)}" if token is not None else "",
        )


def quoted_key(key: str) -> str:
    """A key as it stands in a URL; slashes stay, dots are not resolved."""
    return _UNSAFE_IN_KEYS.sub(_escape, key)


@lru_cache(maxsize=_ESCAPES)
def _quoted(text: str) -> str:
    return _UNSAFE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return _escaped(found[0])


@lru_cache(maxsize=_ESCAPES)
def _escaped(run: str) -> str:
    return quote(run, safe="")


@lru_cache(maxsize=_KEYS)
def _signing_key(secret: str, day: str, region: str) -> bytes:
    """The key of one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
