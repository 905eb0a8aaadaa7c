"""Object keys of those who kept links and no names.

    key = object_key_of(row["audio_url"], bucket="my-audio")
    [audio] = client.list(object_key_prefix=key)

Names (`audio/2025-12-08/...`) are what a caller should keep: a key may serve another audio one day, a name never does.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

_AMAZON: Final = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:accelerate|dualstack|fips|[a-z]{2}(?:-[a-z]+)+-\d))*\.amazonaws\.com(?:\.cn)?"
)
"""Hosts of S3: global, of a region, dual stack, FIPS, accelerated; with the bucket before it or in the path."""


def object_key_of(url: str, *, bucket: str = "") -> str:
    """The key of the object that a link of S3 leads to, whatever its signature and whether it has ended.

    Args:
        url: A link of Amazon's S3, in either style; or, with `bucket`, of any store that speaks S3.
        bucket: The bucket, where the link has to be one of it, or its host does not tell.

    Raises:
        ValueError: It is no such link. The message has its host, and neither its path nor its query.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    key = _key(host, unquote(parts.path).removeprefix("/"), bucket) if parts.scheme in {"http", "https"} else None
    if not key:
        of = f" of the bucket {bucket}" if bucket else ""
        raise ValueError(
            f"a link at {host or 'no host'} is no link to an object{of}: expected "
            "https://BUCKET.s3.REGION.amazonaws.com/KEY or https://s3.REGION.amazonaws.com/BUCKET/KEY, "
            "or another store's with bucket= given"
        )
    return key


def _key(host: str, path: str, bucket: str) -> str | None:
    amazon = _AMAZON.fullmatch(host)
    in_host = amazon["bucket"] if amazon else bucket if bucket and host.startswith(f"{bucket.lower()}.") else None
    if in_host is not None:
        return path if not bucket or in_host == bucket.lower() else None
    first, _, rest = path.partition("/")
    return rest if (first == bucket if bucket else amazon is not None) else None
