"""Our presigner against botocore's, which is the judge: the same URL, byte for byte, whatever is signed."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import botocore.auth
import botocore.session
import pytest
from botocore.credentials import Credentials, ReadOnlyCredentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.credentials import Snapshot
from mayfly_storage.backends.aws.options import AwsOptions
from mayfly_storage.backends.aws.presigning import BucketPresigner
from mayfly_storage.backends.aws.reading_links import ReadingLinks
from mayfly_storage.backends.aws.sigv4 import BucketEndpoint, SigV4Presigner
from mayfly_storage.backends.aws.testing import _loader
from mayfly_storage.backends.aws.uploads import put_headers, put_parameters
from mayfly_storage.domain.content_types import EXTENSIONS
from mayfly_storage.domain.links import LinkWish
from mayfly_storage.domain.ports import BlobFacts
from mayfly_storage.testing import an_audio

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

ENDPOINTS = (
    None,
    "http://127.0.0.1:9000",
    "https://minio.example.com:8443",
    "https://S3.example.com:443/base",
    "http://[::1]:9000",
)
BUCKETS = ("mayfly-audio", "my.dotted.bucket", "b1c")
REGIONS = ("us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1", "auto")
STYLES = ("auto", "path", "virtual")

# Every character that S3 lets a key have, and those that URLs are particular about more often.
keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40) | st.text(
    string.ascii_letters + string.digits + " +~/%.&=?#*'()!;:@,$[]_-ü\N{SPEAKER}", min_size=1, max_size=40
)
moments = st.datetimes(min_value=datetime(2015, 1, 1), max_value=datetime(2039, 12, 31)).map(  # noqa: DTZ001 - made aware here
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
secrets = st.text(string.ascii_letters + string.digits + "+/", min_size=16, max_size=40)
tokens = st.none() | st.text(string.ascii_letters + string.digits + "+/=", min_size=1, max_size=200)
lives = st.integers(min_value=1, max_value=604_800)
# botocore leaves an empty parameter in the URL that it signs, but ours is never empty.
values = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
responses = st.fixed_dictionaries(
    {}, optional={"ResponseContentType": values, "ResponseContentDisposition": values, "ResponseCacheControl": values}
)
NAMES = {
    "ResponseContentType": "response-content-type",
    "ResponseContentDisposition": "response-content-disposition",
    "ResponseCacheControl": "response-cache-control",
}


@cache
def client_for(
    bucket: str, region: str, endpoint: str | None, style: Any
) -> tuple[S3Client, SigV4Presigner, Credentials]:
    """A client as storage makes it, and our signer for the same bucket; both sign with the credentials."""
    credentials = Credentials("AKIAEXAMPLE", "made-up")
    session = botocore.session.Session()
    session.register_component("data_loader", _loader())
    session._credentials = credentials
    options = AwsOptions(bucket=bucket, region=region, s3_endpoint_url=endpoint, addressing_style=style)
    client = make_clients(options, session=boto3.Session(botocore_session=session)).s3
    return client, BucketPresigner(client, bucket=bucket, region=region).signer, credentials


class Case:
    """One place and moment to sign at, with the credentials that are valid then."""

    def __init__(self, place: tuple[Any, ...], keys: tuple[str, str, str | None], at: datetime) -> None:
        self.at = at
        self.bucket = place[0]
        self.client, self.signer, self._of_the_client = client_for(*place)
        self.credentials = ReadOnlyCredentials(*keys)

    def judge(self, operation: Any, parameters: dict[str, Any], seconds: int) -> str:
        """What botocore makes of it, if it is told the time."""
        # Other cases of this place have the same client.
        given, told = self.credentials, self._of_the_client
        told.access_key, told.secret_key, told.token = given.access_key, given.secret_key, given.token
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.auth, "get_current_datetime", lambda: self.at.replace(tzinfo=None))
            return self.client.generate_presigned_url(
                operation, Params={"Bucket": self.bucket, **parameters}, ExpiresIn=seconds
            )


cases = st.builds(
    Case,
    st.tuples(st.sampled_from(BUCKETS), st.sampled_from(REGIONS), st.sampled_from(ENDPOINTS), st.sampled_from(STYLES)),
    st.tuples(secrets, secrets, tokens),
    moments,
)
A_CASE = (
    ("mayfly-audio", "us-east-1", None, "auto"),
    ("AKIAEXAMPLE", "a/b+c", "t/o+k=="),
    datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC),
)


@settings(max_examples=300)
@given(case=cases, key=keys, seconds=lives, response=responses)
@example(
    case=Case(*A_CASE),
    key="users/u ü/a+b~c//d/../e&f=g.wav",
    seconds=3600,
    response={"ResponseCacheControl": "private"},
)
def test_links_are_those_of_botocore(case: Case, key: str, seconds: int, response: dict[str, str]) -> None:
    ours = case.signer.sign(
        "GET",
        key,
        credentials=case.credentials,
        at=case.at,
        seconds=seconds,
        query=[(NAMES[name], value) for name, value in response.items()],
    )

    assert ours == case.judge("get_object", {"Key": key, **response}, seconds)


@settings(max_examples=150)
@given(
    case=cases,
    names=st.lists(keys, min_size=1, max_size=3, unique=True),
    seconds=lives,
    content_type=st.sampled_from(["audio/wav", "audio/ogg; codecs=opus", "application/x-ü"]),
    attachment=st.booleans(),
)
def test_links_of_a_batch_are_those_of_botocore(
    case: Case, names: list[str], seconds: int, content_type: str, *, attachment: bool
) -> None:
    audios = [an_audio(object_key=key, content_type=content_type) for key in names]
    end = case.at + timedelta(seconds=seconds)
    wishes = [LinkWish(audio=each, begin=case.at, expire_time=end, attachment=attachment) for each in audios]
    snapshot = Snapshot(case.credentials, None)

    ours = ReadingLinks(expired=RuntimeError, remembered=2).sign(
        wishes, signer=case.signer, snapshot=snapshot, now=case.at
    )

    kind = "attachment" if attachment else "inline"
    assert [link.url for link in ours if link is not None] == [
        case.judge(
            "get_object",
            {
                "Key": audio.object_key,
                "ResponseContentType": content_type,
                "ResponseContentDisposition": (
                    f'{kind}; filename="{audio.name.audio_id}.{EXTENSIONS.get(content_type, "bin")}"'
                ),
                "ResponseCacheControl": "private",
                "ResponseExpires": end,
            },
            seconds,
        )
        for audio in audios
    ]


@settings(max_examples=150)
@given(
    case=cases,
    key=keys,
    seconds=lives,
    facts=st.builds(
        BlobFacts,
        content_type=st.sampled_from(["audio/wav", "audio/mpeg", "audio/ogg;  codecs=opus"]),
        size_bytes=st.integers(min_value=1, max_value=2**40),
        sha256=st.binary(min_size=32, max_size=32),
        attempt=st.text("0123456789abcdef", min_size=32, max_size=32),
        expire_time=st.none() | moments,
    ),
    encryption=st.sampled_from([(None, None), ("AES256", None), ("aws:kms", "alias/audio")]),
)
def test_grants_are_those_of_botocore(
    case: Case, key: str, seconds: int, facts: BlobFacts, encryption: tuple[Any, str | None]
) -> None:
    options = AwsOptions(bucket=case.bucket, region="", encryption=encryption[0], kms_key_id=encryption[1])
    parameters = put_parameters(options, key, facts)

    ours = case.signer.sign(
        "PUT", key, credentials=case.credentials, at=case.at, seconds=seconds, headers=put_headers(parameters)
    )

    assert ours == case.judge("put_object", {**parameters}, seconds)


def test_microseconds_do_not_count() -> None:
    case = Case(*A_CASE)

    exact, later = (
        case.signer.sign("GET", "key", credentials=case.credentials, at=at, seconds=60)
        for at in (case.at, case.at.replace(microsecond=999_999))
    )

    assert exact == later


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "https://b.s3.us-east-1.amazonaws.com/k?a=b",
            ("https://b.s3.us-east-1.amazonaws.com/", "/", "b.s3.us-east-1.amazonaws.com"),
        ),
        ("https://S3.example.com:443/base/b/k", ("https://S3.example.com:443/base/b/", "/base/b/", "s3.example.com")),
        ("http://h:443/b/k", ("http://h:443/b/", "/b/", "h:443")),
        ("http://[::1]:9000/b/k", ("http://[::1]:9000/b/", "/b/", "[::1]:9000")),
    ],
)
def test_an_endpoint_is_read_from_a_url(url: str, expected: tuple[str, str, str]) -> None:
    assert BucketEndpoint.of(url, key="k") == BucketEndpoint(*expected)


def test_no_secret_is_shown_by_accident() -> None:
    case = Case(*A_CASE)

    moment = case.signer.moment(case.credentials, case.at)

    assert "t%2Fo" not in repr(moment)
    assert repr(moment.key) not in repr(moment)
