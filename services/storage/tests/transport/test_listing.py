"""Listing from the outside: page by page, and by every filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import storage_service_pb2 as pb

if TYPE_CHECKING:
    from mayfly_storage.testing.served import Served


async def test_listing_goes_page_by_page(served: Served) -> None:
    names = {(await served.saved()).name for _ in range(5)}

    found: list[str] = []
    token = ""
    while True:
        page = await served.storage.ListAudio(pb.ListAudioRequest(page_size=2, page_token=token))
        assert len(page.audio) <= 2
        found += [audio.name for audio in page.audio]
        token = page.next_page_token
        if not token:
            break

    assert sorted(found) == sorted(names)


@pytest.mark.parametrize(
    "filters",
    [
        {"collection": "speech-sessions"},
        {"session_id": "se\N{COMBINING ACUTE ACCENT}1"},
        {"object_key_prefix": "audio/users/u1/"},
        {"subject": {"user_id": "u1"}},
        {"subject": {"user_id": "u1"}, "date": "2026-01-15", "collection": "speech-sessions"},
    ],
    ids="+".join,
)
async def test_listing_goes_by_every_filter(served: Served, filters: dict[str, Any]) -> None:
    await served.saved()
    wanted = await served.saved(
        collection="speech-sessions",
        key_fields={"session_id": "sé1", "index": "0"},
        subject=audio_pb2.Subject(user_id="u1"),
    )

    page = await served.storage.ListAudio(pb.ListAudioRequest(**filters))

    assert [audio.name for audio in page.audio] == [wanted.name]


async def test_a_guest_is_one_guest_however_the_address_is_written(served: Served) -> None:
    await served.saved(subject=audio_pb2.Subject(guest_address="2001:db8::1"))
    wanted = await served.saved(subject=audio_pb2.Subject(guest_address="::ffff:203.0.113.7"))

    page = await served.storage.ListAudio(pb.ListAudioRequest(subject=audio_pb2.Subject(guest_address="203.0.113.7")))

    assert [audio.name for audio in page.audio] == [wanted.name]
