"""Links through a CloudFront distribution: botocore judges the signature, a stand-in of an edge what comes of it."""

from __future__ import annotations

import base64
import json
import string
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest
from botocore.exceptions import ClientError
from botocore.signers import CloudFrontSigner as BotocoreSigner
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from mayfly_runtime.settings import SettingsError
from mayfly_storage.backends.aws.delivery import CloudFrontSigner, Delivery, DeliveryKeyError
from mayfly_storage.backends.aws.sigv4 import QuotedQuery
from mayfly_storage.backends.aws.testing import open_emulated
from mayfly_storage.config import StorageSettings
from mayfly_storage.domain.links import MAX_URL_LIFETIME, LimitedBy, LinkWish
from mayfly_storage.opening import aws_options
from mayfly_storage.testing import SOUND, an_audio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import boto3
    from mypy_boto3_s3.client import S3Client

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

KEY_ID = "K2JCJMDEHXQW5F"
SECOND = timedelta(seconds=1)
AWS = {"backend": "aws", "bucket": "b", "region": "eu-central-1", "privacy_secret": "0123456789abcdef0123456789abcdef"}


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


def pem(key: Any) -> str:
    """A key as openssl writes it."""
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    text: bytes = key.private_bytes(encoding, form, serialization.NoEncryption())
    return text.decode()


def delivery(url: str = "https://d111111abcdef8.cloudfront.net") -> Delivery:
    return Delivery(url=url, key_id=KEY_ID, private_key=pem(private_key()))


@given(
    key=st.text(string.ascii_letters + string.digits + " +~/%.&=?#*'()!;:@,$[]_-ü\N{SPEAKER}", min_size=1, max_size=40),
    value=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    end=st.datetimes(datetime(2024, 1, 1), datetime(2039, 12, 31)),  # noqa: DTZ001 - made aware below
)
def test_a_link_is_what_botocore_signs(key: str, value: str, end: datetime) -> None:
    end = end.replace(microsecond=0, tzinfo=UTC)
    query = QuotedQuery.of((("response-content-type", "audio/wav"), ("response-content-disposition", value)))
    judge = BotocoreSigner(
        KEY_ID,
        lambda message: private_key().sign(message, padding.PKCS1v15(), hashes.SHA1()),  # noqa: S303 - CloudFront's
    )

    ours = CloudFrontSigner(delivery()).sign(key, query.given, end)

    resource = ours.partition("&Expires=")[0]
    assert unquote(urlsplit(resource).path) == f"/{key}"
    assert ours == judge.generate_presigned_url(resource, date_less_than=end)


class Edge(BaseHTTPRequestHandler):
    """What an edge does without a cache: it verifies, and asks the bucket."""

    s3: S3Client
    bucket: str
    now: FakeClock

    def do_GET(self) -> None:
        if not self._is_signed():
            self.send_error(403)
            return
        url = urlsplit(self.path)
        said = {
            "".join(part.title() for part in name.split("-")): value
            for name, value in parse_qsl(url.query)
            if name.startswith("response-")
        }
        said.pop("ResponseExpires", None)  # boto3 wants a time there
        try:
            found = self.s3.get_object(Bucket=self.bucket, Key=unquote(url.path[1:]), **said)  # type: ignore[arg-type]
        except ClientError:
            self.send_error(403)  # the distribution may not list, so it is not told what is not there
            return
        self.send_response(200)
        self.send_header("Content-Type", found["ContentType"])
        self.send_header("Content-Disposition", found["ContentDisposition"])
        self.send_header("Cache-Control", found["CacheControl"])
        self.end_headers()
        self.wfile.write(found["Body"].read())

    def _is_signed(self) -> bool:
        resource, _, rest = f"http://{self.headers['Host']}{self.path}".partition("&Expires=")
        given = dict(parse_qsl(f"Expires={rest}"))
        policy = {
            "Resource": resource,
            "Condition": {"DateLessThan": {"AWS:EpochTime": int(given.get("Expires") or 0)}},
        }
        message = json.dumps({"Statement": [policy]}, separators=(",", ":")).encode()
        signature = base64.b64decode(given.get("Signature", "").translate(str.maketrans("-_~", "+=/")))
        try:
            private_key().public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
        except InvalidSignature:
            return False
        return given["Key-Pair-Id"] == KEY_ID and self.now.now().timestamp() < int(given["Expires"])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def edge(raw: Clients, options: AwsOptions, clock: FakeClock) -> Iterator[str]:
    handler = type("EdgeOfBucket", (Edge,), {"s3": raw.s3, "bucket": options.bucket, "now": clock})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def backend(options: AwsOptions, session: boto3.Session, clock: FakeClock, edge: str) -> AsyncIterator[Backend]:
    async with open_emulated(replace(options, delivery=delivery(edge)), now=clock.now, session=session) as opened:
        yield opened


@pytest.fixture
async def stored(backend: Backend, audio: Audio, raw: Clients, options: AwsOptions) -> Audio:
    raw.s3.put_object(Bucket=options.bucket, Key=audio.object_key, Body=SOUND)
    return audio


async def link(backend: Backend, audio: Audio, **wish: Any) -> str:
    [signed] = await backend.stores.first.links.sign_urls([LinkWish(audio=audio, **wish)])
    assert signed is not None
    return signed.url


async def test_a_link_plays_through_the_distribution_until_its_second(
    backend: Backend, stored: Audio, clock: FakeClock
) -> None:
    url = await link(backend, stored, expire_time=clock.now() + timedelta(minutes=5))

    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.get(url)
        changed = await http.get(url.replace("inline", "attachment"))
        unsigned = await http.get(url.partition("?")[0])
        clock.advance(timedelta(minutes=5))
        late = await http.get(url)

    assert (answer.status_code, answer.content) == (200, SOUND)
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["cache-control"] == "private"
    assert answer.headers["content-disposition"] == f'inline; filename="{stored.name.audio_id}.wav"'
    assert (changed.status_code, unsigned.status_code, late.status_code) == (403, 403, 403)


async def test_what_was_deleted_is_not_read_through_a_link_that_has_not_ended(
    backend: Backend, stored: Audio, clock: FakeClock, raw: Clients, options: AwsOptions
) -> None:
    url = await link(backend, stored, expire_time=clock.now() + timedelta(hours=1))
    raw.s3.delete_object(Bucket=options.bucket, Key=stored.object_key)

    async with httpx.AsyncClient(timeout=60) as http:
        assert (await http.get(url)).status_code == 403


async def test_uploads_go_to_the_bucket_itself(backend: Backend, audio: Audio, edge: str) -> None:
    grant = await backend.stores.first.links.grant_upload(audio)

    assert "X-Amz-Signature=" in grant.url
    assert not grant.url.startswith(edge)


async def test_many_links_are_those_that_are_signed_one_by_one_and_none_outlives_what_was_asked(
    backend: Backend, clock: FakeClock
) -> None:
    begin = clock.now().replace(microsecond=0)
    audios = [an_audio(create_time=begin) for _ in range(30)]
    lives = [timedelta(seconds=1.5 + n) for n in range(30)]
    wishes = [
        LinkWish(audio=one, expire_time=begin + life, begin=begin, limited_by=LimitedBy.POLICY)
        for one, life in zip(audios, lives, strict=True)
    ]
    links = backend.stores.first.links

    together = await links.sign_urls(wishes)
    alone = [(await links.sign_urls([wish]))[0] for wish in wishes]

    assert together == alone
    ends = [(signed.expire_time, signed.limited_by) for signed in together if signed is not None]
    assert ends == [(begin + life // SECOND * SECOND, LimitedBy.POLICY) for life in lives]


async def test_a_link_of_less_than_a_second_is_none_and_of_more_than_a_week_is_one_of_a_week(
    backend: Backend, audio: Audio, clock: FakeClock
) -> None:
    now = clock.now()
    short = LinkWish(audio=audio, expire_time=now.replace(microsecond=0))
    long = LinkWish(audio=audio, expire_time=now + timedelta(days=30))

    none, week = await backend.stores.first.links.sign_urls([short, long])

    assert none is None
    assert week is not None
    assert week.expire_time <= now + MAX_URL_LIFETIME


def test_the_settings_make_a_delivery() -> None:
    given = {"cdn_url": "https://cdn.example.com/", "cdn_key_id": KEY_ID, "cdn_private_key": pem(private_key())}

    made = aws_options(StorageSettings.load(**AWS, **given)).delivery

    assert made is not None
    assert (made.url, made.key_id) == ("https://cdn.example.com", KEY_ID)
    assert "PRIVATE KEY" not in repr(made)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"cdn_url": "https://cdn.example.com"}, "cdn_url, cdn_key_id and cdn_private_key belong together"),
        ({"cdn_distribution": "EDFDVBD6EXAMPLE"}, "expected arn:aws:cloudfront::"),
    ],
)
def test_half_a_delivery_is_refused(given: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        StorageSettings.load(**AWS, **given)


def test_a_key_that_cannot_sign_is_refused_at_the_start_without_being_shown() -> None:
    curve = pem(ec.generate_private_key(ec.SECP256R1()))
    for text, told in [("a secret that is none", "no private key in PEM"), (curve, "RSA keys alone")]:
        given = {"cdn_url": "https://cdn.example.com", "cdn_key_id": KEY_ID, "cdn_private_key": text}
        with pytest.raises(SettingsError, match=told) as refused:
            StorageSettings.load(**AWS, **given)
        assert text.splitlines()[-1] not in str(refused.value)
        with pytest.raises(DeliveryKeyError, match=told):
            CloudFrontSigner(replace(delivery(), private_key=text))
