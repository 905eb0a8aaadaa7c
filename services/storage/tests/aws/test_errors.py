"""What AWS says, in the domain's words: transient faults apart from wrong configurations (R18), and no secrets."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.errors import domain_errors
from mayfly_storage.backends.aws.testing import emulated_session, open_emulated
from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError, StorageFullError
from mayfly_storage.domain.links import LinkWish
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import a_request

if TYPE_CHECKING:
    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

URL = "https://bucket.s3.amazonaws.com/a-guests-key?X-Amz-Signature=00"


def client_error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": URL}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject"
    )


@pytest.mark.parametrize(
    "error",
    [
        client_error("SlowDown", 503),
        client_error("ThrottlingException"),
        client_error("ProvisionedThroughputExceededException"),
        client_error("InternalError", 500),
        client_error("503", 503),
        client_error("SomethingNew", 502),
        client_error("SomethingNew", 429),
        client_error("RequestTimeout"),
        boto.ConnectTimeoutError(endpoint_url=URL),
        boto.ReadTimeoutError(endpoint_url=URL),
        boto.EndpointConnectionError(endpoint_url=URL),
        boto.ConnectionClosedError(endpoint_url=URL),
        boto.MetadataRetrievalError(error_msg=URL),
    ],
    ids=repr,
)
def test_what_may_pass_is_unavailable_and_worth_a_retry(error: Exception) -> None:
    with pytest.raises(BackendUnavailableError) as told, domain_errors("S3"):
        raise error

    assert told.value.backend == "S3"
    assert told.value.retry_after is not None
    assert URL not in str(told.value)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (client_error("AccessDenied", 403), "AccessDenied"),
        (client_error("403", 403), "403"),
        (client_error("NoSuchBucket", 404), "NoSuchBucket"),
        (client_error("ResourceNotFoundException"), "ResourceNotFoundException"),
        (client_error("ExpiredToken"), "ExpiredToken"),
        (client_error("ExpiredTokenException"), "ExpiredTokenException"),
        (client_error("InvalidAccessKeyId", 403), "InvalidAccessKeyId"),
        (client_error("SignatureDoesNotMatch", 403), "SignatureDoesNotMatch"),
        (client_error("RequestTimeTooSkewed", 403), "RequestTimeTooSkewed"),
        (client_error("PermanentRedirect", 301), "PermanentRedirect"),
        (client_error("AuthorizationHeaderMalformed"), "AuthorizationHeaderMalformed"),
        (client_error("UnrecognizedClientException"), "UnrecognizedClientException"),
        (boto.NoCredentialsError(), "NoCredentialsError"),
        (boto.CredentialRetrievalError(provider="p", error_msg=URL), "CredentialRetrievalError"),
        (boto.SSLError(endpoint_url=URL, error="untrusted"), "SSLError"),
    ],
    ids=repr,
)
def test_what_an_operator_has_to_mend_is_misconfigured(error: Exception, cause: str) -> None:
    with pytest.raises(BackendMisconfiguredError) as told, domain_errors("DynamoDB"):
        raise error

    assert (told.value.backend, told.value.cause) == ("DynamoDB", cause)
    assert URL not in str(told.value)


@pytest.mark.parametrize("code", ["QuotaExceeded", "XMinioStorageFull"])
def test_a_store_without_room_is_full(code: str) -> None:
    with pytest.raises(StorageFullError), domain_errors("S3"):
        raise client_error(code, 507)


@pytest.mark.parametrize("error", [client_error("ValidationException"), boto.ParamValidationError(report="x")])
def test_what_nobody_expects_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as told, domain_errors("S3"):
        raise error

    assert told.value is error


async def test_a_service_that_does_not_answer_is_unavailable(
    options: AwsOptions, clock: FakeClock, audio: Audio
) -> None:
    dead = "http://127.0.0.1:1"
    nowhere = replace(options, s3_endpoint_url=dead, dynamodb_endpoint_url=dead, attempts=1)
    async with open_aws(nowhere, timing=Timing(), now=clock.now, session=emulated_session()) as backend:
        for call in (
            backend.catalog.check(),
            backend.catalog.reserve(audio, None),
            backend.stores.first.blobs.check(),
            backend.stores.first.blobs.head("a/key"),
        ):
            with pytest.raises(BackendUnavailableError):
                await call


async def test_a_bucket_and_a_table_that_are_missing_are_misconfigured(
    options: AwsOptions, clock: FakeClock, audio: Audio
) -> None:
    missing = replace(options, bucket="there-is-no-such-bucket", table="there-is-no-such-table")
    async with open_aws(missing, timing=Timing(), now=clock.now, session=emulated_session()) as backend:
        blobs = backend.stores.first.blobs
        for call, cause in (
            (backend.catalog.check(), "ResourceNotFoundException"),
            (backend.catalog.get_many([audio.name]), "ResourceNotFoundException"),
            (blobs.check(), "NoSuchBucket"),
            (blobs.store_time(), "NoSuchBucket"),
            (blobs.list_blobs("", limit=1), "NoSuchBucket"),
        ):
            with pytest.raises(BackendMisconfiguredError) as refused:
                await call
            assert refused.value.cause == cause


async def test_a_bucket_in_another_region_fails_the_check(
    backend: Backend, options: AwsOptions, clock: FakeClock
) -> None:
    """Calls would follow S3's redirection, and links would not."""
    elsewhere = replace(options, region="us-west-2")
    async with open_aws(elsewhere, timing=Timing(), now=clock.now, session=emulated_session()) as opened:
        with pytest.raises(BackendMisconfiguredError) as refused:
            await opened.stores.first.blobs.check()

    assert refused.value.cause == "the bucket lies in eu-central-1"


async def test_a_table_of_another_make_fails_the_check(options: AwsOptions, clock: FakeClock, raw: Clients) -> None:
    raw.dynamodb.create_table(
        TableName=options.table,
        KeySchema=[{"AttributeName": "date", "KeyType": "HASH"}, {"AttributeName": "audio_id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("date", "audio_id")],
        BillingMode="PAY_PER_REQUEST",
    )
    async with open_aws(options, timing=Timing(), now=clock.now, session=emulated_session()) as opened:
        with pytest.raises(BackendMisconfiguredError) as refused:
            await opened.catalog.check()

    assert "no index due" in refused.value.cause


async def test_an_access_that_is_denied_is_never_taken_for_an_object_that_is_not_there(
    backend: Backend, wire: Wire
) -> None:
    """Without the right to list, S3 says of an absent key that it is forbidden: then D3 cannot be trusted."""
    wire.answer("HeadObject", 403, "", times=2)

    with pytest.raises(BackendMisconfiguredError):
        await backend.stores.first.blobs.head("a/key")
    with pytest.raises(BackendMisconfiguredError):
        await backend.stores.first.blobs.present(["a/key"])


async def test_nothing_secret_is_logged_even_when_everything_is(
    options: AwsOptions, clock: FakeClock, audio: Audio, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = replace(audio, text="canary-text", ip_address="canary-address")
    async with open_emulated(options, now=clock.now) as backend:
        await backend.catalog.reserve(secret, a_request(secret))
        links = backend.stores.first.links
        assert secret.expire_time is not None
        [signed] = await links.sign_urls([LinkWish(audio=secret, expire_time=secret.expire_time)])
        grant = await links.grant_upload(secret)
        await backend.catalog.get_many([secret.name])

    signatures = [url.split("X-Amz-Signature=")[1] for url in (signed.url, grant.url)]
    assert not [canary for canary in ("canary", "made-up", *signatures) if canary in caplog.text]


async def test_at_debug_each_call_is_told_by_its_operation_and_outcome(
    backend: Backend, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "mayfly_storage.backends.aws.clients")
    await backend.stores.first.blobs.head("temp-audio/2025-12-08/nothing.wav")
    wire.answer("ListObjectsV2", 403, "<Error><Code>AccessDenied</Code></Error>")
    with pytest.raises(BackendMisconfiguredError):
        await backend.stores.first.blobs.list_blobs("temp-audio/", limit=1)

    told = [vars(record) for record in caplog.records if record.getMessage() == "aws_call"]
    assert [(each["service"], each["operation"], each["outcome"]) for each in told] == [
        ("S3", "head_object", "404"),
        ("S3", "list_objects_v2", "BackendMisconfiguredError"),
    ]
    assert "temp-audio" not in caplog.text


async def test_a_slow_s3_holds_up_no_row(backend: Backend, wire: Wire, audio: Audio) -> None:
    """Each service has a pool of its own (R19)."""
    loop = asyncio.get_running_loop()
    arrived, released = asyncio.Semaphore(0), asyncio.Event()

    def hang(_: object) -> None:
        loop.call_soon_threadsafe(arrived.release)
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result(timeout=30)

    wire.stand_in("HeadObject", hang, times=16)
    heads = [asyncio.create_task(backend.stores.first.blobs.head(f"a/{n}")) for n in range(16)]
    for _ in heads:
        await arrived.acquire()

    await backend.catalog.reserve(audio, None)

    assert not any(task.done() for task in heads)
    released.set()
    assert await asyncio.gather(*heads) == [None] * 16
