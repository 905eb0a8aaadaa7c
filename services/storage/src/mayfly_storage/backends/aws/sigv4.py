"""Presigned S3 URLs by signature version 4: byte for byte those of botocore, without what it does around them.

What is the same for many URLs is made once: the endpoint for a bucket, and for all that is signed at one second the
signing key (as the two halves of its HMAC) and the first half of the query. What is left for a URL is one SHA-256 of
its request, one of its signature, and joining texts.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, Self
from urllib.parse import urlsplit

from mayfly_storage.backends.aws.quoting import quoted, quoted_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from botocore.credentials import ReadOnlyCredentials

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
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


class QuotedQuery(NamedTuple):
    """Parameters of the operation as they stand in a URL, each followed by `&`, and in what is signed, each behind one.

    Their names begin with a small letter, as all of S3's own do, and so sort behind those of the signature.
    """

    given: str
    ordered: str

    @classmethod
    def of(cls, parameters: Sequence[tuple[str, str]]) -> Self:
        """Quote the parameters, in the order in which they stand in the URL."""
        texts = [f"{name}={quoted(value)}" for name, value in parameters]
        return cls("".join(f"{text}&" for text in texts), "".join(f"&{text}" for text in sorted(texts)))


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What all URLs share that the same credentials sign at the same second."""

    at: datetime
    key: SigningKey = field(repr=False)
    message: bytes
    """What is signed, up to the digest of the request."""
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
        self._host_line = f"host:{endpoint.host}\n"
        self.moment = lru_cache(maxsize=_MOMENTS)(self._make_moment)
        """What signs at a time in UTC, in whole seconds, with some credentials: `moment(credentials, at)`."""

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
        names, lines = self._signed_headers(headers)
        return self._sign(
            method,
            key,
            moment=self.moment(credentials, at),
            seconds=seconds,
            query=QuotedQuery.of(query),
            names=names,
            lines=lines,
        )

    def sign_get(self, key: str, *, moment: Moment, seconds: int, query: QuotedQuery) -> str:
        """The same for a GET that needs no headers, with what many of them share made before."""
        return self._sign("GET", key, moment=moment, seconds=seconds, query=query, names="host", lines=self._host_line)

    def _sign(  # noqa: PLR0913 - see sign
        self, method: str, key: str, *, moment: Moment, seconds: int, query: QuotedQuery, names: str, lines: str
    ) -> str:
        path = quoted_key(key)
        life, signed = f"{moment.begin}&X-Amz-Expires={seconds}", f"&X-Amz-SignedHeaders={quoted(names)}"
        # Sorted by name: capital letters first, and among ours the token before the names of the headers.
        request = (
            f"{method}\n{self._endpoint.path}{path}\n{life}{moment.token}{signed}{query.ordered}\n"
            f"{lines}\n{names}\nUNSIGNED-PAYLOAD"
        )
        digest = hashlib.sha256(request.encode()).hexdigest()
        signature = moment.key.sign(moment.message + digest.encode())
        return f"{self._endpoint.base}{path}?{query.given}{life}{signed}{moment.token}&X-Amz-Signature={signature}"

    def _signed_headers(self, headers: Mapping[str, str] | None) -> tuple[str, str]:
        """Their names, and themselves in canonical form."""
        if not headers:
            return "host", self._host_line
        lines = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
        lines["host"] = self._endpoint.host
        names = sorted(lines)
        return ";".join(names), "".join(f"{name}:{lines[name]}\n" for name in names)

    def _make_moment(self, credentials: ReadOnlyCredentials, at: datetime) -> Moment:
        day, timestamp = f"{at:%Y%m%d}", f"{at:%Y%m%dT%H%M%SZ}"
        scope = f"{day}/{self._region}/s3/aws4_request"
        who = quoted(f"{credentials.access_key}/{scope}")
        token = credentials.token
        return Moment(
            at=at,
            key=_signing_key(credentials.secret_key, day, self._region),
            message=f"{_ALGORITHM}\n{timestamp}\n{scope}\n".encode(),
            begin=f"X-Amz-Algorithm={_ALGORITHM}&X-Amz-Credential={who}&X-Amz-Date={timestamp}",
            token=f"&X-Amz-Security-Token={quoted(token)}" if token is not None else "",
        )


class SigningKey:
    """HMAC-SHA256 with one key (RFC 2104), whose two blocks are hashed once instead of with every message."""

    def __init__(self, key: bytes) -> None:
        """Take the key; it has 32 bytes, which is less than a block."""
        block = key.ljust(hashlib.sha256().block_size, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def sign(self, message: bytes) -> str:
        """The signature in hex."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.hexdigest()


@lru_cache(maxsize=_KEYS)
def _signing_key(secret: str, day: str, region: str) -> SigningKey:
    """The key of one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return SigningKey(key)
