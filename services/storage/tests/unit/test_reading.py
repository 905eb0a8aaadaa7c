"""Get, list, sign, and what storage says of itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.collections import Collections
from mayfly_storage.domain.errors import AudioNotFoundError, CollectionUnknownError, PageTokenInvalidError
from mayfly_storage.domain.links import LimitedBy, SignedUrl
from mayfly_storage.domain.ports import AudioFilter
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import DAWN, SOUND, an_audio

if TYPE_CHECKING:
    from mayfly_storage.testing.stage import Stage
    from mayfly_storage.usecases.access import SignUrls

GUEST = Subject(guest_address="203.0.113.7")
USER = Subject(user_id="u1")
HOUR = timedelta(hours=1)


async def listed(stage: Stage, *, subject: Subject | None = None, **wanted: Any) -> list[str]:
    page = await stage.storage.list_audio(AudioFilter(**wanted), subject=subject, limit=100, cursor="")
    return [str(audio.name) for audio in page.items]


async def test_a_readable_audio_is_got(stage: Stage) -> None:
    audio = await stage.saved()

    assert await stage.storage.get_audio(audio.name) == audio


async def test_what_is_not_committed_is_not_found(stage: Stage) -> None:
    audio = await stage.put()

    with pytest.raises(AudioNotFoundError) as refused:
        await stage.storage.get_audio(audio.name)

    assert refused.value.name == str(audio.name)


async def test_expired_audio_is_not_found_before_any_sweep(stage: Stage) -> None:
    audio = await stage.saved(ttl=HOUR)
    stage.clock.advance(HOUR - timedelta(microseconds=1))
    assert await stage.storage.get_audio(audio.name) == audio

    stage.clock.advance(timedelta(microseconds=1))

    assert stage.lies(audio)
    with pytest.raises(AudioNotFoundError):
        await stage.storage.get_audio(audio.name)


async def test_what_never_was_is_not_found(stage: Stage) -> None:
    with pytest.raises(AudioNotFoundError):
        await stage.storage.get_audio(an_audio().name)


async def test_only_readable_audio_is_listed(stage: Stage) -> None:
    readable = await stage.saved()
    await stage.saved(ttl=timedelta(seconds=1))
    await stage.put()
    stage.clock.advance(1)

    assert await listed(stage) == [str(readable.name)]


async def test_listing_goes_by_collection(stage: Stage) -> None:
    await stage.saved()
    pitch = await stage.saved(collection="pitches", key_fields={"pitch_id": "p1"})

    assert await listed(stage, collection="pitches") == [str(pitch.name)]
    with pytest.raises(CollectionUnknownError) as refused:
        await listed(stage, collection="nope")
    assert refused.value.field == "collection"


async def test_listing_goes_by_user(stage: Stage) -> None:
    await stage.saved()
    theirs = await stage.saved(subject=USER)

    assert await listed(stage, subject=USER) == [str(theirs.name)]


async def test_a_guest_is_found_today_and_on_the_day_that_is_asked_for(stage: Stage) -> None:
    theirs = await stage.saved(
        collection="speech-sessions", key_fields={"session_id": "s1", "index": "0"}, subject=GUEST
    )
    assert await listed(stage, subject=GUEST) == [str(theirs.name)]

    stage.clock.advance(timedelta(days=1))

    assert await listed(stage, subject=GUEST) == []
    assert await listed(stage, subject=GUEST, date="2026-01-15") == [str(theirs.name)]
    assert await listed(stage, subject=GUEST, date="2026-01-14") == []


async def test_a_listing_goes_on_where_it_stopped(stage: Stage) -> None:
    names = {(await stage.saved()).name for _ in range(3)}

    first = await stage.storage.list_audio(AudioFilter(), subject=None, limit=2, cursor="")
    last = await stage.storage.list_audio(AudioFilter(), subject=None, limit=2, cursor=first.cursor)

    assert {audio.name for audio in (*first.items, *last.items)} == names
    assert (len(first.items), len(last.items), last.cursor) == (2, 1, "")


async def test_a_foreign_cursor_is_refused(stage: Stage) -> None:
    with pytest.raises(PageTokenInvalidError):
        await stage.storage.list_audio(AudioFilter(), subject=None, limit=2, cursor="foreign")


async def sign(stage: Stage, *names: Any, ttl: timedelta | None = None, attachment: bool = False) -> list[Any]:
    outcomes = await stage.storage.sign_urls(names, ttl=ttl, attachment=attachment)
    return [outcomes[name] for name in names]


async def test_a_link_leads_to_the_bytes(stage: Stage) -> None:
    audio = await stage.saved()

    [signed] = await sign(stage, audio.name, attachment=True)

    answer = stage.memory.links.serve("GET", signed.url)
    assert (answer.status, answer.body) == (200, SOUND)
    assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("ttl", "lives", "limited_by"),
    [
        (None, 24 * HOUR, LimitedBy.POLICY),
        (HOUR, HOUR, LimitedBy.REQUEST),
        (48 * HOUR, 24 * HOUR, LimitedBy.OBJECT),
    ],
)
async def test_a_link_tells_its_true_end_and_what_set_it(
    stage: Stage, ttl: timedelta | None, lives: timedelta, limited_by: LimitedBy
) -> None:
    audio = await stage.saved()

    [signed] = await sign(stage, audio.name, ttl=ttl)

    assert (signed.expire_time, signed.limited_by) == (DAWN + lives, limited_by)


async def test_a_link_ends_with_the_credentials_that_sign_it(stage: Stage) -> None:
    stage.memory.links.credentials_expire_time = DAWN + HOUR
    audio = await stage.saved()

    [signed] = await sign(stage, audio.name)

    assert (signed.expire_time, signed.limited_by) == (DAWN + HOUR, LimitedBy.CREDENTIALS)


async def test_a_link_stays_the_same_within_a_window(stage: Stage) -> None:
    audio = await stage.saved()
    [first] = await sign(stage, audio.name)
    stage.clock.advance(timedelta(minutes=4, seconds=59))
    [second] = await sign(stage, audio.name)
    stage.clock.advance(1)
    [third] = await sign(stage, audio.name, ttl=HOUR)

    assert second == first
    assert third != first


async def test_a_thousand_names_cost_one_read(stage: Stage) -> None:
    audio = await stage.saved()
    names = [audio.name, *(an_audio().name for _ in range(999))]
    calls: list[int] = []
    read = stage.memory.catalog.get_many

    async def count_read(asked: Any) -> Any:
        calls.append(len(asked))
        return await read(asked)

    stage.catalog.instead["get_many"] = count_read

    outcomes = await stage.storage.sign_urls([*names, *names], ttl=None, attachment=False)

    assert calls == [1000]
    assert outcomes.keys() == set(names)
    assert isinstance(outcomes[audio.name], SignedUrl)


async def test_each_name_has_an_outcome_of_its_own(stage: Stage) -> None:
    audio, pending, nothing = await stage.saved(), await stage.put(), an_audio()

    outcomes = await sign(stage, nothing.name, audio.name, pending.name)

    assert [type(outcome) for outcome in outcomes] == [AudioNotFoundError, SignedUrl, AudioNotFoundError]


async def test_nothing_readable_asks_no_signer(stage: Stage) -> None:
    stage.memory.links.failure = AssertionError("the signer was asked")

    [outcome] = await sign(stage, an_audio().name)

    assert isinstance(outcome, AudioNotFoundError)


async def test_a_collection_that_is_configured_no_more_fails_its_own_audio_alone(stage: Stage) -> None:
    guests, pitch = await stage.saved(), await stage.saved(collection="pitches", key_fields={"pitch_id": "p1"})
    fewer = Collections({"temp-audio": read_collections().get("temp-audio")})
    sign_urls: SignUrls = replace(stage.storage.sign_urls, collections=fewer)

    outcomes = await sign_urls([guests.name, pitch.name], ttl=None, attachment=False)

    assert isinstance(outcomes[guests.name], SignedUrl)
    assert isinstance(outcomes[pitch.name], CollectionUnknownError)


def test_storage_tells_what_it_is(stage: Stage) -> None:
    info = stage.storage.get_storage_info()

    assert (info.backend, info.bucket, info.region) == ("memory", "memory", "")
    assert [collection.id for collection in info.collections] == list(read_collections().by_id)
    assert info.upload_lifetime == timedelta(minutes=2)
    assert info.max_single_put_bytes == 5_368_709_120
    assert info.keeps_text
    assert info.outage is None


async def test_an_audio_in_its_last_second_has_no_link_and_leaves_the_others_theirs(stage: Stage) -> None:
    short, long = await stage.saved(ttl=HOUR), await stage.saved(ttl=2 * HOUR)
    stage.clock.advance(HOUR - timedelta(milliseconds=500))

    refused, signed = await sign(stage, short.name, long.name)

    assert isinstance(refused, AudioNotFoundError)
    assert isinstance(signed, SignedUrl)


async def test_a_link_of_a_second_lives_two_so_that_every_store_can_sign_it(stage: Stage) -> None:
    audio = await stage.saved(ttl=HOUR)

    [signed] = await sign(stage, audio.name, ttl=timedelta(seconds=1))

    assert signed.expire_time == stage.clock.now() + timedelta(seconds=2)
    assert signed.limited_by is LimitedBy.REQUEST
