"""What our links say, read from their text: no emulator checks a signature, its headers or its end."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.credentials import SigningCredentials
from mayfly_storage.backends.aws.options import AwsOptions
from mayfly_storage.backends.aws.testing import emulated_session
from mayfly_storage.domain.audio import Audio, Location
from mayfly_storage.domain.errors import (
    BackendMisconfiguredError,
    UploadFencedError,
)
from mayfly_storage.domain.links import Guarantee, LimitedBy, LinkWish
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import an_audio

if TYPE_CHECKING:
    from collections.abc import Callable

    from mayfly_storage.domain.links import SignedUrl, UploadGrant

HOUR = timedelta(hours=1)
HOME = AwsOptions(bucket="mayfly-audio", region="us-east-1")
R2 = replace(HOME, region="auto", s3_endpoint_url="https://0123.r2.cloudflarestorage.com")
PLACES = [
    pytest.param(HOME, id="us-east-1"),
    pytest.param(replace(HOME, region="eu-central-1", addressing_style="path"), id="path-style"),
    pytest.param(R2, id="r2"),
    pytest.param(replace(R2, addressing_style="path", s3_endpoint_url="http://127.0.0.1:9000"), id="minio"),
]


def real_now() -> datetime:
    return datetime.now(UTC)


def an_audio_now(**overrides: object) -> Audio:
    return an_audio(create_time=real_now(), location=Location.S3, **overrides)


def session_with(credentials: Credentials) -> boto3.Session:
    session = boto3.Session()
    session._session._credentials = credentials
    return session


async def sign(
    *wishes: LinkWish,
    options: AwsOptions = HOME,
    session: boto3.Session | None = None,
    now: Callable[[], datetime] = real_now,
) -> list[SignedUrl]:
    async with open_aws(options, timing=Timing(), now=now, session=session or emulated_session()) as backend:
        return await backend.stores.first.links.sign_urls(wishes)


async def grant(
    audio: Audio,
    *,
    options: AwsOptions = HOME,
    session: boto3.Session | None = None,
    now: Callable[[], datetime] = real_now,
) -> UploadGrant:
    async with open_aws(options, timing=Timing(), now=now, session=session or emulated_session()) as backend:
        return await backend.stores.first.links.grant_upload(audio)


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, strict_parsing=True))


def end_of(url: str) -> datetime:
    """When the store will refuse it, by the text that is signed."""
    query = query_of(url)
    signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return signed_at + timedelta(seconds=int(query["X-Amz-Expires"]))


@pytest.mark.parametrize("options", PLACES)
async def test_links_and_grants_are_signed_by_version_4_everywhere(options: AwsOptions) -> None:
    audio = an_audio_now()
    [signed] = await sign(LinkWish(audio=audio, expire_time=real_now() + HOUR), options=options)
    granted = await grant(audio, options=options)

    for url in (signed.url, granted.url):
        query = query_of(url)
        assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
        assert query["X-Amz-Credential"].endswith(f"/{options.region}/s3/aws4_request")
        assert re.fullmatch("[0-9a-f]{64}", query["X-Amz-Signature"])
        assert not {"Signature", "AWSAccessKeyId", "Expires"} & query.keys()


@pytest.mark.parametrize(
    ("options", "beginning"),
    [
        (HOME, "https://mayfly-audio.s3.us-east-1.amazonaws.com/temp-audio/"),
        (replace(HOME, addressing_style="path"), "https://s3.us-east-1.amazonaws.com/mayfly-audio/temp-audio/"),
        (
            replace(R2, addressing_style="path"),
            "https://0123.r2.cloudflarestorage.com/mayfly-audio/temp-audio/",
        ),
        (replace(HOME, accelerate=True), "https://mayfly-audio.s3-accelerate.amazonaws.com/temp-audio/"),
    ],
    ids=["virtual", "path", "r2", "accelerated"],
)
async def test_links_lead_to_the_bucket_as_it_is_addressed(options: AwsOptions, beginning: str) -> None:
    [signed] = await sign(LinkWish(audio=an_audio_now(), expire_time=real_now() + HOUR), options=options)

    assert signed.url.startswith(beginning)


@pytest.mark.parametrize("seconds", [60.5, 119.999999, 3600, 86_399.25])
async def test_a_link_is_dead_when_its_wish_ends_and_says_when_that_is(seconds: float) -> None:
    wish = LinkWish(audio=an_audio_now(), expire_time=real_now() + timedelta(seconds=seconds))

    [signed] = await sign(wish)

    assert end_of(signed.url) == signed.expire_time <= wish.expire_time
    assert wish.expire_time - signed.expire_time < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("now_us", "life", "expected"),
    [
        (0, timedelta(seconds=1), 1),
        (999_999, timedelta(seconds=1), 1),
        (999_999, timedelta(microseconds=1), 1),
        (500_000, timedelta(seconds=1, microseconds=499_999), 1),
        (500_000, timedelta(seconds=1, microseconds=500_000), 2),
        (0, timedelta(seconds=59, microseconds=999_999), 59),
    ],
)
async def test_the_life_of_a_link_is_counted_from_the_whole_second_of_signing(
    now_us: int, life: timedelta, expected: int
) -> None:
    now = real_now().replace(microsecond=now_us)

    [signed] = await sign(LinkWish(audio=an_audio_now(), expire_time=now + life), now=lambda: now)

    assert query_of(signed.url)["X-Amz-Expires"] == str(expected)
    assert now < signed.expire_time <= now + life


async def test_no_link_lives_longer_than_version_4_allows() -> None:
    [signed] = await sign(LinkWish(audio=an_audio_now(expire_time=None), expire_time=real_now() + timedelta(days=30)))

    assert query_of(signed.url)["X-Amz-Expires"] == str(7 * 86_400)


@pytest.mark.parametrize("attachment", [False, True])
async def test_a_link_fixes_what_the_browser_will_be_told(attachment: bool) -> None:  # noqa: FBT001 - a table of cases
    audio = an_audio_now(content_type="audio/mpeg", text="Dear Jane", user_id="jane")
    now = real_now().replace(microsecond=0)
    wish = LinkWish(audio=audio, expire_time=now + HOUR, attachment=attachment)

    [signed] = await sign(wish, now=lambda: now)

    query = query_of(signed.url)
    kind = "attachment" if attachment else "inline"
    assert query["response-content-type"] == "audio/mpeg"
    assert query["response-content-disposition"] == f'{kind}; filename="{audio.name.audio_id}.mp3"'
    assert query["response-cache-control"] == "private"
    assert parsedate_to_datetime(query["response-expires"]) == signed.expire_time
    assert query["X-Amz-SignedHeaders"] == "host"
    assert "jane" not in signed.url.lower()


async def test_a_grant_signs_every_header_that_it_names_and_no_other() -> None:
    audio = an_audio_now()

    granted = await grant(audio)

    headers = {name.lower(): value for name, value in granted.headers.items()}
    assert query_of(granted.url)["X-Amz-SignedHeaders"].split(";") == sorted({*headers, "host"})
    assert headers == {
        "content-length": str(audio.size_bytes),
        "content-type": "audio/wav",
        "if-none-match": "*",
        "x-amz-checksum-sha256": base64.b64encode(audio.sha256).decode(),
        "x-amz-sdk-checksum-algorithm": "SHA256",
        "x-amz-meta-attempt": audio.attempt,
        "x-amz-meta-expires-at": f"{audio.expire_time:%Y-%m-%dT%H:%M:%S.%f}Z",
    }
    assert set(granted.enforced) == set(Guarantee)


async def test_a_grant_asks_for_the_encryption_that_is_configured() -> None:
    options = replace(HOME, encryption="aws:kms", kms_key_id="alias/audio")

    granted = await grant(an_audio_now(expire_time=None), options=options)

    assert granted.headers["x-amz-server-side-encryption"] == "aws:kms"
    assert granted.headers["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/audio"
    signed = query_of(granted.url)["X-Amz-SignedHeaders"].split(";")
    assert signed == sorted({*(name.lower() for name in granted.headers), "host"})


async def test_a_grant_ends_with_the_upload_deadline() -> None:
    audio = an_audio_now()

    granted = await grant(audio)

    assert end_of(granted.url) == granted.expire_time <= audio.upload_deadline
    assert audio.upload_deadline - granted.expire_time < timedelta(seconds=1)


async def test_no_grant_is_made_after_the_upload_deadline() -> None:
    audio = an_audio_now()

    with pytest.raises(UploadFencedError):
        await grant(replace(audio, upload_deadline=real_now() + timedelta(milliseconds=1)))


async def test_audio_in_its_last_second_has_no_honest_link() -> None:
    now = real_now().replace(microsecond=0)
    end = now + timedelta(milliseconds=999)

    wish = LinkWish(audio=an_audio_now(expire_time=end), expire_time=end)
    long = LinkWish(audio=an_audio_now(), expire_time=now + HOUR)

    none, signed = await sign(wish, long, now=lambda: now)

    assert none is None
    assert signed.expire_time == now + HOUR


def refreshable(*, life: timedelta, renewed: timedelta = 6 * HOUR) -> RefreshableCredentials:
    def metadata(life: timedelta) -> dict[str, str]:
        return {
            "access_key": "ASIAEXAMPLE",
            "secret_key": "made-up",
            "token": "a-session-token",
            "expiry_time": (real_now() + life).isoformat(),
        }

    return RefreshableCredentials.create_from_metadata(
        metadata(life), refresh_using=lambda: metadata(renewed), method="test"
    )


async def test_no_link_outlives_the_credentials_that_sign_it() -> None:
    credentials = refreshable(life=2 * HOUR)
    short, long = (
        LinkWish(audio=an_audio_now(), expire_time=real_now() + life) for life in (HOUR, timedelta(hours=20))
    )

    signed = await sign(short, long, session=session_with(credentials))

    assert [url.limited_by for url in signed] == [LimitedBy.OBJECT, LimitedBy.CREDENTIALS]
    assert end_of(signed[1].url) == signed[1].expire_time
    left = signed[1].expire_time - real_now()
    assert timedelta(hours=1, minutes=59) < left < 2 * HOUR
    assert query_of(signed[1].url)["X-Amz-Security-Token"] == "a-session-token"


async def test_credentials_with_little_life_left_are_refreshed_before_they_sign() -> None:
    credentials = refreshable(life=timedelta(minutes=14), renewed=6 * HOUR)

    [signed] = await sign(
        LinkWish(audio=an_audio_now(), expire_time=real_now() + 3 * HOUR), session=session_with(credentials)
    )

    assert signed.limited_by is LimitedBy.OBJECT
    assert signed.expire_time - real_now() > timedelta(hours=2, minutes=59)


async def test_a_few_links_and_grants_need_no_thread_once_credentials_are_known() -> None:
    async with open_aws(HOME, timing=Timing(), now=real_now, session=session_with(refreshable(life=HOUR))) as backend:
        links, end = backend.stores.first.links, real_now() + HOUR
        await links.grant_upload(an_audio_now())  # asks botocore once where the bucket is

        signing = links.sign_urls([LinkWish(audio=an_audio_now(), expire_time=end) for _ in range(32)])
        granting = links.grant_upload(an_audio_now())

        # Whatever waits for a thread gives the loop a turn first, and could not end with its first step.
        with pytest.raises(StopIteration) as signed:
            signing.send(None)
        with pytest.raises(StopIteration) as granted:
            granting.send(None)

    assert len(signed.value.value) == 32
    assert granted.value.value.url


def test_credentials_that_are_being_refreshed_are_not_waited_for() -> None:
    credentials = refreshable(life=6 * HOUR)
    signing = SigningCredentials(credentials, now=real_now, session_lifetime=HOUR)
    known = signing.at_hand()

    with credentials._refresh_lock:  # as botocore does
        meanwhile = signing.at_hand()

    assert known == signing.snapshot()
    assert meanwhile is None


@pytest.mark.parametrize("credentials", [None, refreshable(life=timedelta(minutes=14))])
def test_credentials_that_have_to_be_fetched_are_not_at_hand(credentials: Credentials | None) -> None:
    assert SigningCredentials(credentials, now=real_now, session_lifetime=HOUR).at_hand() is None


async def test_a_grant_does_not_outlive_its_credentials_either() -> None:
    audio = replace(an_audio_now(), upload_deadline=real_now() + 3 * HOUR)

    granted = await grant(audio, session=session_with(refreshable(life=2 * HOUR)))

    assert granted.expire_time < real_now() + 2 * HOUR


async def test_a_session_that_does_not_say_its_end_is_trusted_for_a_while_only() -> None:
    session = session_with(Credentials("ASIAEXAMPLE", "made-up", "a-session-token"))

    [signed] = await sign(LinkWish(audio=an_audio_now(), expire_time=real_now() + HOUR), session=session)

    assert signed.limited_by is LimitedBy.CREDENTIALS
    assert signed.expire_time - real_now() <= timedelta(minutes=15)


async def test_credentials_at_their_end_sign_nothing() -> None:
    now = real_now().replace(microsecond=0)
    options = replace(HOME, session_lifetime=timedelta(milliseconds=500))
    session = session_with(Credentials("ASIAEXAMPLE", "made-up", "a-session-token"))

    with pytest.raises(BackendMisconfiguredError) as refused:
        await sign(
            LinkWish(audio=an_audio_now(), expire_time=now + HOUR), options=options, session=session, now=lambda: now
        )

    assert refused.value.cause == "ExpiredToken"


async def test_without_credentials_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(BackendMisconfiguredError) as refused:
        await sign(LinkWish(audio=an_audio_now(), expire_time=real_now() + HOUR), session=boto3.Session())

    assert refused.value.cause == "NoCredentialsError"


async def test_a_thousand_links_are_signed_in_order() -> None:
    audios = [an_audio_now() for _ in range(1000)]

    signed = await sign(*(LinkWish(audio=audio, expire_time=real_now() + HOUR) for audio in audios))

    assert [urlsplit(link.url).path for link in signed] == [f"/{audio.object_key}" for audio in audios]
