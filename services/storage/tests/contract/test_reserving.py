"""W1: the row, its request record and its key claim, all or nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from mayfly_storage.domain.audio import AudioName, State
from mayfly_storage.domain.errors import ObjectKeyTakenError, RequestSeenError, StateChangedError
from mayfly_storage.testing import a_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.ports import AudioCatalog
    from mayfly_storage.testing import Subject

KEY = "users/u-1/recordings/r-1/audio.m4a"


async def test_a_row_comes_back_exactly_as_it_was_reserved(subject: Subject) -> None:
    audio = subject.an_audio(
        collection="recordings",
        content_type="audio/m4a",
        object_key=KEY,
        claims_key=True,
        expire_time=subject.clock.now() + timedelta(hours=3, microseconds=7),
        etag="a-tag",
        delete_time=subject.clock.now() - timedelta(microseconds=1),
        duration=timedelta(seconds=1, microseconds=234567),
        voice="en_US-mayfly-small",
        text="Grüße, 世界 \N{SLIGHTLY SMILING FACE}",
        user_id="u-1",
        owner="user:u-1",
        ip_address="0123456789abcdef",
        writer="synth",
        key_fields={"session_id": "s-1", "index": "003"},
        labels={"purpose": "greeting", "empty": ""},
    )

    await subject.catalog.reserve(audio, a_request(audio))

    assert await subject.catalog.get_many([audio.name]) == {audio.name: audio}


async def test_a_row_without_optional_facts_comes_back_exactly_as_it_was_reserved(subject: Subject) -> None:
    audio = subject.an_audio(expire_time=None)

    await subject.catalog.reserve(audio, None)

    assert await subject.catalog.get_many([audio.name]) == {audio.name: audio}


async def test_a_tombstone_can_be_reserved_to_hold_a_key(subject: Subject) -> None:
    """The sweeper takes the claim of an orphan's key before it deletes the orphan."""
    tombstone = subject.an_audio(
        state=State.DELETING, object_key=KEY, claims_key=True, content_type="", sha256=b"", size_bytes=0
    )

    await subject.catalog.reserve(tombstone, None)

    assert await subject.catalog.get_many([tombstone.name]) == {tombstone.name: tombstone}
    assert await subject.catalog.find_by_keys([KEY]) == {KEY: tombstone.name}


async def test_an_existing_row_is_never_overwritten(subject: Subject) -> None:
    audio = subject.an_audio(voice="first")
    await subject.catalog.reserve(audio, None)

    with pytest.raises(StateChangedError):
        await subject.catalog.reserve(replace(audio, voice="second"), a_request(audio))

    assert await subject.catalog.get_many([audio.name]) == {audio.name: audio}


async def test_an_existing_row_refuses_the_request_record_too(subject: Subject) -> None:
    audio = subject.an_audio()
    await subject.catalog.reserve(audio, None)
    request = a_request(audio)

    with pytest.raises(StateChangedError):
        await subject.catalog.reserve(audio, request)

    assert await subject.catalog.find_request(request.caller, request.request_id, subject.clock.now()) is None


async def test_a_known_request_id_adds_nothing(subject: Subject) -> None:
    first, second = subject.an_audio(), subject.an_audio(object_key=KEY, claims_key=True)
    request = a_request(first)
    await subject.catalog.reserve(first, request)

    with pytest.raises(RequestSeenError):
        await subject.catalog.reserve(second, replace(request, name=second.name))

    assert await subject.catalog.get_many([second.name]) == {}
    assert await subject.catalog.find_by_keys([KEY]) == {}
    assert await subject.catalog.find_request(request.caller, request.request_id, subject.clock.now()) == request


async def test_the_same_request_id_of_another_caller_is_another_request(subject: Subject) -> None:
    first, second = subject.an_audio(), subject.an_audio()
    request = a_request(first, caller="synth")
    other = replace(request, caller="gateway", name=second.name)

    await subject.catalog.reserve(first, request)
    await subject.catalog.reserve(second, other)

    now = subject.clock.now()
    assert await subject.catalog.find_request("synth", request.request_id, now) == request
    assert await subject.catalog.find_request("gateway", request.request_id, now) == other


async def test_a_request_is_found_until_its_forget_time(subject: Subject) -> None:
    audio = subject.an_audio()
    request = a_request(audio)
    await subject.catalog.reserve(audio, request)

    async def find(when: timedelta) -> object:
        return await subject.catalog.find_request(request.caller, request.request_id, request.forget_time + when)

    assert await find(timedelta(microseconds=-1)) == request
    assert await find(timedelta(0)) is None
    assert await subject.catalog.find_request(request.caller, str(uuid4()), audio.create_time) is None


async def test_a_forgotten_request_id_can_be_used_again(subject: Subject) -> None:
    first = subject.an_audio()
    request = a_request(first)
    await subject.catalog.reserve(first, request)
    subject.clock.advance(timedelta(hours=49))
    second = subject.an_audio()
    again = a_request(second, request_id=request.request_id)

    await subject.catalog.reserve(second, again)

    assert await subject.catalog.find_request(request.caller, request.request_id, subject.clock.now()) == again


async def test_a_claimed_key_adds_nothing(subject: Subject) -> None:
    first = subject.an_audio(object_key=KEY, claims_key=True)
    second = subject.an_audio(object_key=KEY, claims_key=True)
    request = a_request(second)
    await subject.catalog.reserve(first, a_request(first))

    with pytest.raises(ObjectKeyTakenError) as refused:
        await subject.catalog.reserve(second, request)

    assert refused.value.object_key == KEY
    assert await subject.catalog.get_many([second.name]) == {}
    assert await subject.catalog.find_request(request.caller, request.request_id, subject.clock.now()) is None
    assert await subject.catalog.find_by_keys([KEY]) == {KEY: first.name}


async def test_a_retry_hears_of_its_request_and_not_of_its_own_key(subject: Subject) -> None:
    first = subject.an_audio(object_key=KEY, claims_key=True)
    retry = subject.an_audio(object_key=KEY, claims_key=True)
    request = a_request(first)
    await subject.catalog.reserve(first, request)

    with pytest.raises(RequestSeenError):
        await subject.catalog.reserve(retry, replace(request, name=retry.name))


async def test_a_key_that_is_not_claimed_has_no_holder(subject: Subject) -> None:
    audio = subject.an_audio()
    await subject.catalog.reserve(audio, None)

    assert await subject.catalog.find_by_keys([audio.object_key, KEY]) == {}
    assert await subject.catalog.find_by_keys([]) == {}


async def test_the_holders_of_many_keys_are_found_at_once(subject: Subject) -> None:
    audios = [subject.an_audio(object_key=f"pitches/p-{n}/original_file.wav", claims_key=True) for n in range(120)]
    await asyncio.gather(*(subject.catalog.reserve(audio, None) for audio in audios))
    holders = {audio.object_key: audio.name for audio in audios}

    assert await subject.catalog.find_by_keys([*holders, "pitches/none/original_file.wav"]) == holders


async def test_rows_that_do_not_exist_are_left_out(subject: Subject) -> None:
    audio, stranger = subject.an_audio(), AudioName.new(subject.clock.now(), uuid4())
    await subject.catalog.reserve(audio, None)

    assert await subject.catalog.get_many([stranger, audio.name, audio.name]) == {audio.name: audio}
    assert await subject.catalog.get_many([]) == {}


async def test_many_rows_are_read_at_once(subject: Subject) -> None:
    audios = [subject.an_audio() for _ in range(250)]
    await _in_small_crowds(subject.catalog, audios)

    assert await subject.catalog.get_many([audio.name for audio in audios]) == {audio.name: audio for audio in audios}


async def _in_small_crowds(catalog: AudioCatalog, audios: Sequence[Audio]) -> None:
    for start in range(0, len(audios), 50):
        await asyncio.gather(*(catalog.reserve(audio, None) for audio in audios[start : start + 50]))


async def test_a_request_can_be_pointed_to_the_audio_that_replaces_its_first(subject: Subject) -> None:
    first, second = subject.an_audio(), subject.an_audio()
    request = a_request(first)
    await subject.catalog.reserve(first, request)
    moved = replace(request, name=second.name)

    await subject.catalog.reserve(second, moved, replaces=first.name)

    assert await subject.catalog.find_request(request.caller, request.request_id, subject.clock.now()) == moved
    assert await subject.catalog.get_many([first.name, second.name]) == {first.name: first, second.name: second}


async def test_a_request_that_stands_for_another_audio_is_not_pointed_away_from_it(subject: Subject) -> None:
    first, second, stranger = subject.an_audio(), subject.an_audio(), subject.an_audio()
    request = a_request(first)
    await subject.catalog.reserve(first, request)

    with pytest.raises(RequestSeenError):
        await subject.catalog.reserve(second, replace(request, name=second.name), replaces=stranger.name)

    assert await subject.catalog.get_many([second.name]) == {}
    assert await subject.catalog.find_request(request.caller, request.request_id, subject.clock.now()) == request


async def test_an_unknown_request_cannot_be_pointed_anywhere(subject: Subject) -> None:
    first, second = subject.an_audio(), subject.an_audio()

    with pytest.raises(RequestSeenError):
        await subject.catalog.reserve(second, a_request(second), replaces=first.name)

    assert await subject.catalog.get_many([second.name]) == {}


async def test_of_64_racing_reserves_of_one_request_one_wins(subject: Subject) -> None:
    audios = [subject.an_audio() for _ in range(64)]
    request = a_request(audios[0])

    outcomes = await asyncio.gather(
        *(subject.catalog.reserve(audio, replace(request, name=audio.name)) for audio in audios), return_exceptions=True
    )

    assert Counter(map(type, outcomes)) == {type(None): 1, RequestSeenError: 63}
    winner = audios[outcomes.index(None)]
    known = await subject.catalog.find_request(request.caller, request.request_id, subject.clock.now())
    assert known == replace(request, name=winner.name)
    assert await subject.catalog.get_many([audio.name for audio in audios]) == {winner.name: winner}


async def test_of_64_racing_claims_of_one_key_one_wins(subject: Subject) -> None:
    audios = [subject.an_audio(object_key=KEY, claims_key=True) for _ in range(64)]

    outcomes = await asyncio.gather(
        *(subject.catalog.reserve(audio, a_request(audio)) for audio in audios), return_exceptions=True
    )

    assert Counter(map(type, outcomes)) == {type(None): 1, ObjectKeyTakenError: 63}
    winner = audios[outcomes.index(None)]
    assert await subject.catalog.find_by_keys([KEY]) == {KEY: winner.name}
    assert await subject.catalog.get_many([audio.name for audio in audios]) == {winner.name: winner}


async def test_three_copies_of_each_request_give_one_row_each(subject: Subject) -> None:
    audios = [subject.an_audio() for _ in range(60)]
    requests = [a_request(audio) for audio in audios[:20]] * 3

    await asyncio.gather(
        *(
            subject.catalog.reserve(audio, replace(request, name=audio.name))
            for audio, request in zip(audios, requests, strict=True)
        ),
        return_exceptions=True,
    )

    rows = await subject.catalog.get_many([audio.name for audio in audios])
    now = subject.clock.now()
    found = [await subject.catalog.find_request(request.caller, request.request_id, now) for request in requests[:20]]
    assert len(rows) == 20
    assert {request.name for request in found if request} == set(rows)


async def test_of_racing_replacements_one_wins(subject: Subject) -> None:
    first, others = subject.an_audio(), [subject.an_audio() for _ in range(16)]
    request = a_request(first)
    await subject.catalog.reserve(first, request)

    outcomes = await asyncio.gather(
        *(subject.catalog.reserve(other, replace(request, name=other.name), replaces=first.name) for other in others),
        return_exceptions=True,
    )

    assert Counter(map(type, outcomes)) == {type(None): 1, RequestSeenError: 15}
    assert len(await subject.catalog.get_many([other.name for other in others])) == 1
