"""Links: who holds one can do exactly what it says, until it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.links import Guarantee, LimitedBy, LinkWish
from mayfly_storage.testing import SOUND

if TYPE_CHECKING:
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing import LinkResponse, Subject

HOUR = timedelta(hours=1)


async def a_readable_audio(subject: Subject, **overrides: object) -> Audio:
    """Saved as a guest saves: reserved, put through the grant, committed."""
    audio = subject.an_audio(**overrides)
    await subject.catalog.reserve(audio, None)
    response = await put_through_grant(subject, audio, SOUND)
    assert 200 <= response.status < 300
    blob = await subject.blobs.head(audio.object_key)
    assert blob is not None
    return await subject.catalog.make_ready(audio.ready(etag=blob.etag))


async def put_through_grant(subject: Subject, audio: Audio, body: bytes) -> LinkResponse:
    grant = await subject.links.grant_upload(audio)
    return await subject.follow("PUT", grant.url, headers=grant.headers, body=body)


def wish(subject: Subject, audio: Audio, *, ttl: timedelta = HOUR, attachment: bool = False) -> LinkWish:
    return LinkWish(audio=audio, expire_time=subject.clock.now() + ttl, attachment=attachment)


async def test_a_link_plays_the_audio(subject: Subject) -> None:
    audio = await a_readable_audio(subject)
    [signed] = await subject.links.sign_urls([wish(subject, audio)])

    response = await subject.follow("GET", signed.url)

    assert (response.status, response.body) == (200, SOUND)
    assert response.headers["content-type"] == "audio/wav"


@pytest.mark.parametrize(("attachment", "kind"), [(False, "inline"), (True, "attachment")])
async def test_a_link_names_the_file_by_the_audios_id_alone(subject: Subject, attachment: bool, kind: str) -> None:  # noqa: FBT001 - a table of cases
    audio = await a_readable_audio(
        subject, content_type="audio/mpeg", user_id="u-1", text="Dear Jane", key_fields={"session_id": "jane"}
    )
    [signed] = await subject.links.sign_urls([wish(subject, audio, attachment=attachment)])

    response = await subject.follow("GET", signed.url)

    assert response.headers["content-disposition"] == f'{kind}; filename="{audio.name.audio_id}.mp3"'


async def test_what_a_link_serves_is_cached_by_nobody_else(subject: Subject) -> None:
    audio = await a_readable_audio(subject)
    [signed] = await subject.links.sign_urls([wish(subject, audio)])

    response = await subject.follow("GET", signed.url)

    directives = [part.strip() for part in response.headers["cache-control"].split(",")]
    assert "private" in directives
    assert all(0 < int(part.removeprefix("max-age=")) <= 3600 for part in directives if part.startswith("max-age="))


async def test_what_a_browser_keeps_ends_with_the_link(subject: Subject) -> None:
    audio = await a_readable_audio(subject)
    [signed] = await subject.links.sign_urls([wish(subject, audio)])

    headers = (await subject.follow("GET", signed.url)).headers

    if "max-age=" in headers["cache-control"]:
        age = timedelta(seconds=int(headers["cache-control"].partition("max-age=")[2]))
        assert subject.clock.now() + age <= signed.expire_time + timedelta(seconds=1)
    else:
        assert parsedate_to_datetime(headers["expires"]) <= signed.expire_time


async def test_equal_wishes_have_equal_links(subject: Subject) -> None:
    audio, begin = subject.an_audio(), subject.clock.now()
    one = replace(wish(subject, audio), begin=begin)
    [first] = await subject.links.sign_urls([one])
    subject.clock.advance(60)

    again, attached, longer = await subject.links.sign_urls(
        [one, replace(one, attachment=True), replace(one, expire_time=one.expire_time + HOUR)]
    )

    assert again == first
    assert len({first.url, attached.url, longer.url}) == 3


async def test_each_wish_has_its_link_in_order(subject: Subject) -> None:
    audios = [subject.an_audio() for _ in range(5)]

    signed = await subject.links.sign_urls([wish(subject, audio) for audio in audios])

    assert len({link.url for link in signed}) == 5
    assert [audio.name.audio_id in link.url for audio, link in zip(audios, signed, strict=True)] == [True] * 5
    assert await subject.links.sign_urls([]) == []


async def test_a_link_says_its_true_end_which_is_never_later_than_wished(subject: Subject) -> None:
    wishes = [wish(subject, subject.an_audio(), ttl=timedelta(seconds=n, microseconds=n * 7)) for n in (5, 60, 86_400)]

    signed = await subject.links.sign_urls(wishes)

    ends = [wished.expire_time - link.expire_time for wished, link in zip(wishes, signed, strict=True)]
    assert all(timedelta(0) <= early < timedelta(seconds=1) for early in ends)
    assert {link.limited_by for link in signed} == {LimitedBy.OBJECT}


async def test_signing_does_not_look_whether_the_audio_exists(subject: Subject) -> None:
    [signed] = await subject.links.sign_urls([wish(subject, subject.an_audio())])

    assert (await subject.follow("GET", signed.url)).status in {403, 404}


async def test_secrets_do_not_show_when_links_are_printed(subject: Subject) -> None:
    audio = subject.an_audio()
    [signed], grant = await subject.links.sign_urls([wish(subject, audio)]), await subject.links.grant_upload(audio)

    assert signed.url not in repr(signed)
    assert grant.url not in repr(grant)


async def test_a_grant_states_its_attempt_and_its_end(subject: Subject) -> None:
    audio = subject.an_audio()

    grant = await subject.links.grant_upload(audio)

    assert grant.attempt == audio.attempt
    assert timedelta(0) <= audio.upload_deadline - grant.expire_time < timedelta(seconds=1)
    headers = {name.lower(): value for name, value in grant.headers.items()}
    assert headers["content-type"] == "audio/wav"


async def test_bytes_put_through_a_grant_lie_at_the_audios_key(subject: Subject) -> None:
    audio = await a_readable_audio(subject)

    blob = await subject.head(audio.object_key)

    assert blob is not None
    assert (blob.size_bytes, blob.sha256) == (audio.size_bytes, audio.sha256)
    assert blob.attempt in {audio.attempt, None}


async def test_a_grant_does_what_it_says_about_overwriting(subject: Subject) -> None:
    audio = subject.an_audio(body=SOUND)
    rival = subject.an_audio(body=b"x" * len(SOUND), object_key=audio.object_key)
    await subject.catalog.reserve(audio, None)
    await subject.catalog.reserve(rival, None)
    assert Guarantee.WRITE_ONCE in (await subject.links.grant_upload(audio)).enforced

    first = await put_through_grant(subject, audio, SOUND)
    second = await put_through_grant(subject, rival, b"x" * len(SOUND))

    blob = await subject.head(audio.object_key)
    assert (first.status // 100, second.status) == (2, 412)
    assert blob is not None
    assert blob.sha256 == audio.sha256
