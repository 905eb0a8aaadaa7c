"""Links and grants that are signed with credentials that end: they end with them, and wait for none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import boto3
import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.credentials import SigningCredentials
from mayfly_storage.domain.errors import BackendMisconfiguredError
from mayfly_storage.domain.links import LimitedBy, LinkWish
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing.signing import HOME, an_audio_now, end_of, grant, query_of, real_now, sign

HOUR = timedelta(hours=1)


def session_with(credentials: Credentials) -> boto3.Session:
    session = boto3.Session()
    session._session._credentials = credentials
    return session


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
