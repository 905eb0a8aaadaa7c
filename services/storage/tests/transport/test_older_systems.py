"""What the five older systems did with their audio, asked from the outside: keys, lives, what goes and what stays."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from mayfly.storage.v1 import retention_service_pb2 as retention_pb
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_storage.testing import DAWN, SOUND

if TYPE_CHECKING:
    from mayfly.storage.v1 import audio_pb2

    from mayfly_storage.testing.served import Served

STAMP = int(DAWN.timestamp() * 1000)
DAY = timedelta(days=1)
CAF, M4A, MP3, WAV = "audio/x-caf", "audio/m4a", "audio/mpeg", "audio/wav"
USER = {"user_id": "u1"}
RECORDING: dict[str, Any] = {
    "collection": "recordings",
    "content_type": M4A,
    "subject": USER,
    "key_fields": {"recording_id": "r1"},
}
LAYOUTS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("audio/users/u1/s1/segment_007.wav", "speech-sessions", WAV, {"session_id": "s1", "index": "7", "subject": USER}),
    (
        "audio/anonymous/1733650000_anonymous/segment_000.wav",
        "speech-sessions",
        WAV,
        {"session_id": "1733650000_anonymous", "index": "0"},
    ),
    ("users/u1/recordings/r1/audio.m4a", "recordings", M4A, {"recording_id": "r1", "subject": USER}),
    (f"debug/2026-01-15/debug-input-{STAMP}-q1.caf", "debug", CAF, {"kind": "debug-input", "request_id": "q1"}),
    (f"debug/2026-01-15/debug-output-{STAMP}-q1.mp3", "debug", MP3, {"kind": "debug-output", "request_id": "q1"}),
    ("pitches/p1/original_file.mp3", "pitches", MP3, {"pitch_id": "p1"}),
    (
        "pitches/p1/processed/transcoded_file.mp3",
        "pitches",
        MP3,
        {"pitch_id": "p1", "filename": "transcoded_file.mp3"},
    ),
    (
        "processed-audio/j1/p1/mix.mp3",
        "processing",
        MP3,
        {"project_id": "j1", "pitch_id": "p1", "filename": "mix.mp3"},
    ),
]


async def saved(served: Served, collection: str, content_type: str, **fields: Any) -> audio_pb2.Audio:
    subject = fields.pop("subject", None)
    return await served.saved(collection=collection, content_type=content_type, key_fields=fields, subject=subject)


async def swept(served: Served) -> list[str]:
    """Delete what is due; the keys that are gone by the store's own answer."""
    items = (await served.retention.ListExpired(retention_pb.ListExpiredRequest())).items
    if not items:
        return []
    await served.retention.PurgeAudio(retention_pb.PurgeAudioRequest(items=items))
    verdicts = (await served.retention.VerifyGone(retention_pb.VerifyGoneRequest(items=items))).verdicts
    return sorted(item.object_key for item, verdict in zip(items, verdicts, strict=True) if verdict.object_gone)


@pytest.mark.parametrize(("key", "collection", "content_type", "fields"), LAYOUTS, ids=[row[0] for row in LAYOUTS])
async def test_audio_lies_where_the_older_systems_kept_it(
    served: Served, key: str, collection: str, content_type: str, fields: dict[str, Any]
) -> None:
    audio = await saved(served, collection, content_type, **fields)

    assert (audio.object_key, audio.content_type) == (key, content_type)


async def test_guest_audio_lies_in_the_folder_of_its_day_and_lives_for_one(served: Served) -> None:
    audio = await served.saved()

    day, audio_id = audio.name.split("/")[1:]
    assert (day, audio.object_key) == ("2026-01-15", f"temp-audio/2026-01-15/{audio_id}.wav")
    assert audio.expire_time.ToDatetime(tzinfo=UTC) == DAWN + DAY
    assert audio.expire_time.seconds == int(DAWN.timestamp()) + 86_400


async def test_guest_audio_is_swept_a_day_after_it_was_made_and_not_before(served: Served) -> None:
    audio = await served.saved()

    served.clock.advance(DAY - timedelta(seconds=1))
    assert await swept(served) == []
    served.clock.advance(timedelta(seconds=1))
    assert await swept(served) == [audio.object_key]


async def test_the_guest_audio_of_a_day_is_listed(served: Served) -> None:
    first = await served.saved()
    served.clock.advance(timedelta(hours=18))
    second = await served.saved()

    async def of(day: str) -> list[str]:
        page = await served.storage.ListAudio(pb.ListAudioRequest(collection="temp-audio", date=day))
        return [audio.name for audio in page.audio]

    assert (await of("2026-01-15"), await of("2026-01-16"), await of("2026-01-17")) == ([first.name], [second.name], [])


async def test_who_kept_nothing_but_the_key_finds_plays_and_deletes_by_it(served: Served) -> None:
    kept_by_the_caller = (await served.saved(**RECORDING)).object_key

    by_key = pb.ListAudioRequest(object_key_prefix=kept_by_the_caller)
    [found] = (await served.storage.ListAudio(by_key)).audio
    info = (await served.storage.GetAudio(pb.GetAudioRequest(name=found.name))).audio
    [signed] = (await served.storage.SignUrls(pb.SignUrlsRequest(names=[found.name]))).results
    played = await served.follow("GET", signed.signed_url.url)
    deletions = [await served.storage.DeleteAudio(pb.DeleteAudioRequest(name=found.name)) for _ in range(2)]

    assert info == found
    assert signed.signed_url.url_expire_time.ToDatetime(tzinfo=UTC) == DAWN + timedelta(hours=1)
    assert (played.status, played.body) == (200, SOUND)
    assert [each.deleted for each in deletions] == [True, False]
    assert not (await served.storage.ListAudio(by_key)).audio


async def test_temporary_results_are_swept_after_an_hour_and_final_files_never(served: Served) -> None:
    temporary = await saved(served, "processing", MP3, project_id="j1", pitch_id="p1", filename="mix.mp3")
    original = await saved(served, "pitches", MP3, pitch_id="p1")
    final = await saved(served, "pitches", MP3, pitch_id="p1", filename="transcoded_file.mp3")

    served.clock.advance(timedelta(minutes=59))
    assert await swept(served) == []
    served.clock.advance(timedelta(minutes=1))
    assert await swept(served) == [temporary.object_key]
    served.clock.advance(timedelta(days=3_650))
    await swept(served)
    for kept in (original, final):
        assert (await served.storage.GetAudio(pb.GetAudioRequest(name=kept.name))).audio == kept


async def test_a_temporary_result_may_go_earlier_than_after_its_hour(served: Served) -> None:
    fields = {"project_id": "j1", "pitch_id": "p1", "filename": "mix.mp3"}
    audio = await served.saved(collection="processing", content_type=MP3, key_fields=fields, ttl={"seconds": 300})

    served.clock.advance(300)

    assert await swept(served) == [audio.object_key]


async def test_the_clean_up_of_a_temporary_result_is_scheduled_and_carried_out_then_and_not_before(
    served: Served,
) -> None:
    """What system E's `scheduleTemporaryFileCleanup()` did; also for a file that would be kept until it is deleted."""
    temporary = await saved(served, "processing", MP3, project_id="j1", pitch_id="p1", filename="mix.mp3")
    final = await saved(served, "pitches", MP3, pitch_id="p1", filename="transcoded_file.mp3")

    for name in (temporary.name, final.name):
        scheduled = pb.RetainAudioRequest(name=name, ttl={"seconds": 600})
        answer = await served.storage.RetainAudio(scheduled)
        assert answer.audio.expire_time.ToDatetime(tzinfo=UTC) == DAWN + timedelta(minutes=10)

    served.clock.advance(timedelta(minutes=10, seconds=-1))
    assert await swept(served) == []
    served.clock.advance(timedelta(seconds=1))
    assert await swept(served) == [final.object_key, temporary.object_key]


async def test_the_clean_up_of_a_temporary_result_cannot_be_put_off_past_its_hour(served: Served) -> None:
    audio = await saved(served, "processing", MP3, project_id="j1", pitch_id="p1", filename="mix.mp3")

    later = await served.storage.RetainAudio(pb.RetainAudioRequest(name=audio.name, ttl={"seconds": 7_200}))

    assert later.audio.expire_time == audio.expire_time


async def test_debug_copies_have_a_life_of_their_own(served: Served) -> None:
    copy = await saved(served, "debug", CAF, kind="debug-input", request_id="q1")
    guest = await served.saved()

    served.clock.advance(DAY)
    assert await swept(served) == [guest.object_key]
    served.clock.advance(2 * DAY)
    only_debug = retention_pb.ListExpiredRequest(collection="debug")
    items = (await served.retention.ListExpired(only_debug)).items

    assert [item.object_key for item in items] == [copy.object_key]
