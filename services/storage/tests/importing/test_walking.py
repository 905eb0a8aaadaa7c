"""Walking a folder, and reading files of it, that somebody else may have made."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.data_dir import DataDirError
from mayfly_storage.importing.staging import SourceError, clear_staging, head_of, stage, staging_folder
from mayfly_storage.importing.walking import Found, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def test_files_come_in_the_same_order_every_time(tmp_path: Path) -> None:
    for path in ("b/2", "a", "b/1", "c"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    assert [found.path for found in walk(tmp_path)] == ["a", "b/1", "b/2", "c"]


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Callable[[str, int], None]]:
    """Makes folders within each other, by steps, as their path may be longer than paths can be; and removes them."""
    home, made = os.open(tmp_path, os.O_DIRECTORY), []

    def make(name: str, depth: int) -> None:
        handle = os.dup(home)
        for _ in range(depth):
            os.mkdir(name, dir_fd=handle)
            inner = os.open(name, os.O_DIRECTORY, dir_fd=handle)
            os.close(handle)
            handle = inner
        os.close(os.open("a.wav", os.O_WRONLY | os.O_CREAT, dir_fd=handle))
        os.close(handle)
        made.append(name)

    yield make
    os.close(home)
    for name in made:
        subprocess.run(["rm", "-r", tmp_path / name], check=True)  # pytest's own removal is recursive


def test_a_tree_deeper_than_pythons_stack_is_walked(tmp_path: Path, deep: Callable[[str, int], None]) -> None:
    deep("d", 1_500)
    [found] = walk(tmp_path)
    assert found.path == "d/" * 1_500 + "a.wav"


def test_a_folder_that_cannot_be_looked_into_is_one_failure(tmp_path: Path, deep: Callable[[str, int], None]) -> None:
    deep("d" * 250, 20)  # longer than a path may be, so that not even root can list it by its path
    (tmp_path / "z.wav").touch()
    *_, lowest, last = walk(tmp_path)
    assert "File name too long" in lowest.unreadable
    assert last.path == "z.wav"


def test_a_file_that_goes_away_meanwhile_is_one_failure(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).touch()
    files = walk(tmp_path)
    next(files)
    (tmp_path / "b").unlink()
    gone, last = files
    assert "No such file" in gone.unreadable
    assert (last.path, last.unreadable) == ("c", "")


def test_what_is_storages_own_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.wav").touch()
    (tmp_path / "report.jsonl").touch()
    found = list(walk(tmp_path, own=[tmp_path / "data", tmp_path / "report.jsonl"]))
    assert [(each.path, each.skipped) for each in found] == [
        ("data", "it is storage's own"),
        ("report.jsonl", "it is storage's own"),
    ]


def found_at(root: Path, path: str) -> Found:
    there = (root / path).stat()
    return Found(path=path, size_bytes=there.st_size, modified_ns=there.st_mtime_ns)


def test_a_folder_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "old" / "u1").mkdir(parents=True)
    (tmp_path / "old" / "u1" / "a.wav").write_bytes(b"hers")
    found = found_at(tmp_path / "old", "u1/a.wav")
    (tmp_path / "old" / "u1").rename(tmp_path / "secret")
    (tmp_path / "old" / "u1").symlink_to(tmp_path / "secret")
    with pytest.raises(SourceError, match="cannot be read"):
        stage(tmp_path / "old", found, tmp_path / "copy")
    with pytest.raises(SourceError, match="cannot be read"):
        head_of(tmp_path / "old", "u1/a.wav")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("body", [b"more than it was", b"less", b"same"])
def test_a_file_that_somebody_writes_to_is_not_taken(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(b"once")
    found = found_at(tmp_path, "a.wav")
    (tmp_path / "a.wav").write_bytes(body)
    os.utime(tmp_path / "a.wav", ns=(0, found.modified_ns + 1))
    with pytest.raises(SourceError, match="changed while it was read"):
        stage(tmp_path, found, tmp_path / "copy")


def test_a_file_without_an_end_is_read_no_further_than_it_was(tmp_path: Path) -> None:
    with (tmp_path / "a.wav").open("wb") as file:
        file.truncate(8 * 1024 * 1024)
    found = Found(path="a.wav", size_bytes=10, modified_ns=(tmp_path / "a.wav").stat().st_mtime_ns)
    with pytest.raises(SourceError, match="changed while it was read"):
        stage(tmp_path, found, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_size == 1024 * 1024


def test_copies_that_a_killed_import_left_go_with_the_next_one_and_when_storage_starts(tmp_path: Path) -> None:
    clear_staging(tmp_path)  # there is nothing yet
    with staging_folder(tmp_path) as folder:
        (folder / "left").touch()
        clear_staging(tmp_path)  # an import is running
        assert (folder / "left").exists()
        with pytest.raises(DataDirError, match="another import"), staging_folder(tmp_path):
            pass
    assert list(folder.iterdir()) == []
    (folder / "left").touch()
    clear_staging(tmp_path)
    assert list(folder.iterdir()) == []
