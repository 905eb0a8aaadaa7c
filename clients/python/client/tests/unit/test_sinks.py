from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from mayfly.storage.v1 import audio_pb2

from mayfly_client import Audio, ContentMismatchError
from mayfly_client._answers_storage import audio as audio_of
from mayfly_client._sinks import Sink

DATA = b"some audio"


def described(data: bytes = DATA) -> Audio:
    return audio_of(
        audio_pb2.Audio(
            name="audio/2025-12-08/x",
            object_key="temp-audio/2025-12-08/x.wav",
            size_bytes=len(data),
            sha256=hashlib.sha256(data).digest(),
        ),
    )


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "hello.wav"

    with Sink(described(), target, None) as sink:
        sink.write(DATA[:4])
        assert not target.exists()
        sink.write(DATA[4:])
        assert sink.finish() == target

    assert target.read_bytes() == DATA
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_means_its_own_name_in_it(tmp_path: Path) -> None:
    with Sink(described(), tmp_path, None) as sink:
        sink.write(DATA)

        assert sink.finish() == tmp_path / "x.wav"


@pytest.mark.parametrize("damaged", [b"same audi0", b"some"], ids=["changed", "cut off"])
def test_damaged_bytes_are_refused_and_nothing_is_left(tmp_path: Path, damaged: bytes) -> None:
    target = tmp_path / "hello.wav"
    target.write_bytes(b"what was there")

    with Sink(described(), target, None) as sink:
        sink.write(damaged)
        with pytest.raises(ContentMismatchError, match="did not arrive as it was stored: sha256"):
            sink.finish()

    assert target.read_bytes() == b"what was there"
    assert list(tmp_path.iterdir()) == [target]


def test_more_bytes_than_there_should_be_are_refused_at_once() -> None:
    with Sink(described(), None, None) as sink, pytest.raises(ContentMismatchError, match="size_bytes should be 10"):
        sink.write(DATA + b"!")


def test_a_second_try_begins_again(tmp_path: Path) -> None:
    seen: list[Any] = []

    with Sink(described(), tmp_path / "x.wav", lambda done, total: seen.append((done, total))) as sink:
        sink.write(DATA[:7])
        sink.restart()
        sink.write(DATA)
        path = sink.finish()

    assert isinstance(path, Path)
    assert path.read_bytes() == DATA
    assert seen == [(7, 10), (10, 10)]
