from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mayfly_storage.domain.uploads import NewAudio, Subject, UploadRequest
from mayfly_storage.testing import DAWN

AUDIO = NewAudio(collection="temp-audio", content_type="audio/wav", subject=Subject(guest_address="203.0.113.7"))
REQUEST = UploadRequest(caller="synth", request_id="1", audio=AUDIO, size_bytes=3, sha256=b"x" * 32)
KEY = b"secret"


def test_a_retry_has_the_same_fingerprint() -> None:
    again = replace(REQUEST, audio=replace(AUDIO, labels={}))

    assert again.fingerprint(KEY) == REQUEST.fingerprint(KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"collection": "debug"},
        {"content_type": "audio/mpeg"},
        {"expire_time": DAWN},
        {"ttl": timedelta(seconds=5)},
        {"key_fields": {"a": "b"}},
        {"subject": Subject(user_id="203.0.113.7")},
        {"subject": None},
        {"voice": "v"},
        {"text": "t"},
        {"duration": timedelta(seconds=1)},
        {"duration": timedelta(0)},
        {"labels": {"a": "b"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_differs_changes_the_fingerprint(change: dict[str, Any]) -> None:
    assert replace(REQUEST, audio=replace(AUDIO, **change)).fingerprint(KEY) != REQUEST.fingerprint(KEY)


@pytest.mark.parametrize("change", [{"size_bytes": 4}, {"sha256": b"y" * 32}])
def test_other_bytes_change_the_fingerprint(change: dict[str, Any]) -> None:
    assert replace(REQUEST, **change).fingerprint(KEY) != REQUEST.fingerprint(KEY)


def test_the_fingerprint_needs_the_key_so_that_no_address_can_be_found_by_trying() -> None:
    assert REQUEST.fingerprint(b"another") != REQUEST.fingerprint(KEY)


def test_the_order_of_maps_does_not_matter() -> None:
    one, other = ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})

    assert replace(REQUEST, audio=replace(AUDIO, labels=one)).fingerprint(KEY) == replace(
        REQUEST, audio=replace(AUDIO, labels=other)
    ).fingerprint(KEY)
