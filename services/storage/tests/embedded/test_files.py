"""Bytes in files: what they are called, where they may lie, and what storage makes of strange ones."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.errors import ContentMismatchError, InvalidAudioError
from mayfly_storage.domain.ports import BlobTarget, DeleteOutcome
from mayfly_storage.testing import SOUND, facts_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from conftest import Disk
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing import Subject

    Save = Callable[..., Awaitable[Audio]]

ESCAPES = [
    "../outside.wav",
    "a/../../outside.wav",
    "/etc/passwd",
    "a//b.wav",
    "a/./b.wav",
    "..",
    ".",
    "",
    "a/",
    "a/\0b",
]
TOO_LONG = ["x" * 256, "a/" + "é" * 128, "/".join(["x" * 200] * 25)]


def a_file(folder: Path, body: bytes = SOUND) -> Path:
    handle, name = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
    return Path(name)


@contextmanager
def a_file_elsewhere(here: Path) -> Iterator[Path]:
    elsewhere = Path("/dev/shm")  # noqa: S108 - another file system is the point
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == here.stat().st_dev:
        pytest.skip("needs a second file system at /dev/shm")
    source = a_file(elsewhere)
    try:
        yield source
    finally:
        source.unlink()


def size_of(path: Path) -> int | None:
    return path.stat().st_size if path.exists() else None


def inode_of(path: Path) -> int:
    return path.stat().st_ino


def plant_link(path: Path, target: Path) -> None:
    path.symlink_to(target)


@pytest.mark.parametrize("key", ESCAPES + TOO_LONG)
async def test_a_key_that_cannot_be_a_path_below_the_store_is_refused(
    embedded: Subject, tmp_path: Path, disk: Disk, key: str
) -> None:
    audio = embedded.an_audio()
    before = disk.files().keys()

    with pytest.raises(InvalidAudioError) as refused:
        await embedded.blobs.put_file(key, a_file(tmp_path), facts_of(audio))

    assert refused.value.field == "audio.key_fields"
    assert disk.files().keys() == before


@pytest.mark.parametrize("key", ESCAPES + TOO_LONG)
async def test_nothing_lies_at_a_key_that_cannot_be_a_path(embedded: Subject, disk: Disk, key: str) -> None:
    disk.write("outside.wav", b"not ours")

    assert await embedded.blobs.head(key) is None
    assert await embedded.blobs.present([key]) == set()
    assert await embedded.blobs.delete_many([BlobTarget(key=key)]) == [DeleteOutcome.DELETED]
    assert disk.read("outside.wav") == b"not ours"


async def test_a_link_planted_below_the_store_leads_nowhere(embedded: Subject, tmp_path: Path, disk: Disk) -> None:
    disk.write("outside/secret.wav", SOUND)
    plant_link(disk.root / "objects/folder", disk.root / "outside")
    plant_link(disk.root / "objects/file.wav", disk.root / "outside/secret.wav")

    assert await embedded.blobs.present(["folder/secret.wav", "file.wav"]) == set()
    with pytest.raises(InvalidAudioError):
        await embedded.blobs.put_file("folder/new.wav", a_file(tmp_path), facts_of(embedded.an_audio()))
    assert await embedded.blobs.delete_many([BlobTarget(key="folder/secret.wav")]) == [DeleteOutcome.DELETED]
    assert disk.read("outside/secret.wav") == SOUND


@pytest.mark.parametrize(("first", "second"), [("a/b", "a/b/c.wav"), ("a/b/c.wav", "a/b")])
async def test_a_key_cannot_lie_below_another_or_above_it(
    embedded: Subject, save: Save, tmp_path: Path, first: str, second: str
) -> None:
    await save(embedded, object_key=first)

    with pytest.raises(InvalidAudioError):
        await embedded.blobs.put_file(second, a_file(tmp_path), facts_of(embedded.an_audio()))

    assert await embedded.blobs.present([first, second]) == {first}
    assert await embedded.blobs.delete_many([BlobTarget(key=second)]) == [DeleteOutcome.DELETED]
    assert await embedded.blobs.present([first]) == {first}


@pytest.mark.parametrize(("body", "field"), [(SOUND[:-1], "size_bytes"), (SOUND[:-1] + b"!", "sha256")])
async def test_a_file_that_is_not_what_was_announced_is_refused_and_left_to_the_caller(
    embedded: Subject, tmp_path: Path, disk: Disk, body: bytes, field: str
) -> None:
    audio, source = embedded.an_audio(), a_file(tmp_path, body)

    with pytest.raises(ContentMismatchError) as refused:
        await embedded.blobs.put_file(audio.object_key, source, facts_of(audio))

    assert refused.value.field == field
    assert disk.names("objects") == disk.names("staging") == set()
    assert size_of(source) == len(body)


async def test_a_file_on_the_same_file_system_is_moved(embedded: Subject, tmp_path: Path) -> None:
    audio, source = embedded.an_audio(), a_file(tmp_path)
    inode = inode_of(source)

    await embedded.blobs.put_file(audio.object_key, source, facts_of(audio))

    assert size_of(source) is None
    assert inode_of(tmp_path / "data/objects" / audio.object_key) == inode


async def test_a_file_that_has_other_names_is_copied(embedded: Subject, tmp_path: Path, disk: Disk) -> None:
    """Whoever holds the other name could change the bytes."""
    audio, source = embedded.an_audio(), a_file(tmp_path)
    os.link(source, f"{source}.other")

    await embedded.blobs.put_file(audio.object_key, source, facts_of(audio))

    assert size_of(source) == len(SOUND)
    assert inode_of(disk.root / "objects" / audio.object_key) != inode_of(source)
    assert disk.names("staging") == set()


async def test_a_file_on_another_file_system_is_copied(embedded: Subject, disk: Disk) -> None:
    audio = embedded.an_audio()
    with a_file_elsewhere(disk.root) as source:
        blob = await embedded.blobs.put_file(audio.object_key, source, facts_of(audio))
        assert size_of(source) == len(SOUND)

    assert await embedded.blobs.head(audio.object_key) == replace(blob, sha256=audio.sha256)
    assert disk.names("staging") == set()


async def test_the_etag_tells_two_writings_of_the_same_bytes_apart(embedded: Subject, tmp_path: Path) -> None:
    """On a clock that stands still, even: a late deletion of the first must not take the second."""
    audio = embedded.an_audio(object_key="pitches/p/original_file.wav")
    etags = []
    for _ in range(50):
        blob = await embedded.blobs.put_file(audio.object_key, a_file(tmp_path), facts_of(audio))
        etags.append(blob.etag)
        assert await embedded.blobs.delete_many([BlobTarget(key=audio.object_key, etag=blob.etag)]) == ["DELETED"]

    await embedded.blobs.put_file(audio.object_key, a_file(tmp_path), facts_of(audio))
    outcomes = await embedded.blobs.delete_many([BlobTarget(key=audio.object_key, etag=etag) for etag in etags])

    assert len(set(etags)) == 50
    assert set(outcomes) == {DeleteOutcome.CHANGED}


async def test_files_are_dated_by_the_clock_of_the_store(embedded: Subject, save: Save) -> None:
    audio = await save(embedded)

    blob = await embedded.blobs.head(audio.object_key)

    assert blob is not None
    assert blob.modified_time == embedded.clock.now() == await embedded.blobs.store_time()


async def test_a_flipped_bit_is_seen(embedded: Subject, save: Save, disk: Disk) -> None:
    audio = await save(embedded)
    disk.write(f"objects/{audio.object_key}", SOUND[:-1] + b"!")

    blob = await embedded.blobs.head(audio.object_key)

    assert blob is not None
    assert blob.sha256 != audio.sha256


async def test_files_that_storage_cannot_have_made_are_not_listed(embedded: Subject, save: Save, disk: Disk) -> None:
    audio = await save(embedded)
    disk.write(os.fsdecode(b"objects/\xff\xfe.wav"), SOUND)

    page = await embedded.blobs.list_blobs("", limit=10)

    assert [blob.key for blob in page.blobs] == [audio.object_key]


async def test_folders_come_and_go_under_racing_puts_and_deletions(embedded: Subject, save: Save, disk: Disk) -> None:
    async def live_shortly(number: int) -> list[DeleteOutcome]:
        audio = await save(embedded, object_key=f"busy/{number % 2}/folder/{number}.wav")
        return await embedded.blobs.delete_many([BlobTarget(key=audio.object_key, etag=audio.etag)])

    for _ in range(5):
        outcomes = await asyncio.gather(*(live_shortly(number) for number in range(16)))
        assert outcomes == [[DeleteOutcome.DELETED]] * 16

    assert disk.names("objects") == set()
