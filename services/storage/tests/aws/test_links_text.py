"""What our links say, read from their text: no emulator checks a signature, its headers or its end."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from mayfly_storage.domain.errors import UploadFencedError
from mayfly_storage.domain.links import Guarantee, LinkWish
from mayfly_storage.testing.signing import HOME, an_audio_now, end_of, grant, query_of, real_now, sign

if TYPE_CHECKING:
    from mayfly_storage.backends.aws.options import AwsOptions

HOUR = timedelta(hours=1)
R2 = replace(HOME, region="auto", s3_endpoint_url="https://0123.r2.cloudflarestorage.com")
PLACES = [
    pytest.param(HOME, id="us-east-1"),
    pytest.param(replace(HOME, region="eu-central-1", addressing_style="path"), id="path-style"),
    pytest.param(R2, id="r2"),
    pytest.param(replace(R2, addressing_style="path", s3_endpoint_url="http://127.0.0.1:9000"), id="minio"),
]


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


async def test_a_thousand_links_are_signed_in_order() -> None:
    audios = [an_audio_now() for _ in range(1000)]

    signed = await sign(*(LinkWish(audio=audio, expire_time=real_now() + HOUR) for audio in audios))

    assert [urlsplit(link.url).path for link in signed] == [f"/{audio.object_key}" for audio in audios]
