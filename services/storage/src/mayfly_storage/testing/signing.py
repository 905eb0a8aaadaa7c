"""Links and grants of the AWS backend, signed now, and what their text says. No store is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.options import AwsOptions
from mayfly_storage.backends.aws.testing import emulated_session
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing.builders import an_audio

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import LinkWish, SignedUrl, UploadGrant

HOME: Final = AwsOptions(bucket="mayfly-audio", region="us-east-1")
"""Where links lead, unless a test says otherwise."""


def real_now() -> datetime:
    """The time that boto3 signs with: it takes no clock."""
    return datetime.now(UTC)


def an_audio_now(**overrides: object) -> Audio:
    """An audio on S3 that was created just now."""
    return an_audio(create_time=real_now(), location=Location.S3, **overrides)


async def sign(
    *wishes: LinkWish,
    options: AwsOptions = HOME,
    session: boto3.Session | None = None,
    now: Callable[[], datetime] = real_now,
) -> list[SignedUrl | None]:
    """A link for each wish, in their order; none where none would be honest."""
    async with open_aws(options, timing=Timing(), now=now, session=session or emulated_session()) as backend:
        return await backend.stores.first.links.sign_urls(wishes)


async def grant(
    audio: Audio,
    *,
    options: AwsOptions = HOME,
    session: boto3.Session | None = None,
    now: Callable[[], datetime] = real_now,
) -> UploadGrant:
    """Leave to put the bytes of an audio."""
    async with open_aws(options, timing=Timing(), now=now, session=session or emulated_session()) as backend:
        return await backend.stores.first.links.grant_upload(audio)


def query_of(url: str) -> dict[str, str]:
    """The parameters of a URL; each has one value."""
    return dict(parse_qsl(urlsplit(url).query, strict_parsing=True))


def end_of(url: str) -> datetime:
    """When the store will refuse it, by the text that is signed."""
    query = query_of(url)
    signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return signed_at + timedelta(seconds=int(query["X-Amz-Expires"]))
