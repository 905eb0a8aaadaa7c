from __future__ import annotations

import logging
import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from mayfly_synth.domain.processing_errors import InputTooLargeError, ScratchForbiddenError, ScratchFullError
from mayfly_synth.engines import scratch as module
from mayfly_synth.engines.scratch import FOLDER, Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEGABYTE = 1024 * 1024
NOBODY = 65_534


def in_folders(*parents: Path, max_bytes: int = 16 * MEGABYTE, removals: list[str] | None = None) -> Scratch:
    told = removals if removals is not None else []
    return Scratch.in_folders(list(parents), max_bytes=max_bytes, count_removal=told.append)


def names(parent: Path) -> list[str]:
    """Files anywhere below."""
    return [path.name for path in parent.rglob("*") if path.is_file()]


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """A file system of its own, where the tests may mount one."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(["mount", *options], capture_output=True, check=False, timeout=10).returncode:
        pytest.skip("mounting a file system needs rights")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True, timeout=10)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No process may write a larger one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def without_unnamed_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on systems that have none."""
    with monkeypatch.context() as patched:
        patched.delattr(os, "O_TMPFILE")
        yield


def test_a_file_has_no_name_and_goes_with_its_descriptor(tmp_path: Path) -> None:
    removals: list[str] = []

    with in_folders(tmp_path, removals=removals).file() as file:
        file.write(b"some")
        file.write(b"thing")
        assert os.read(file.rewind(), 100) == b"something"
        assert names(tmp_path) == []

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file.fd)
    assert removals == ["ok"]


def test_the_folder_is_for_nobody_else(tmp_path: Path) -> None:
    with in_folders(tmp_path).file():
        (folder,) = tmp_path.iterdir()

    assert folder.name == f"{FOLDER}-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_where_there_are_no_unnamed_files_the_name_goes_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with without_unnamed_files(monkeypatch), in_folders(tmp_path).file() as file:
        file.write(b"something")
        assert names(tmp_path) == []


def test_a_file_grows_to_its_bound_and_no_further(tmp_path: Path) -> None:
    with in_folders(tmp_path, max_bytes=10).file() as file:
        file.write(bytes(10))
        with pytest.raises(InputTooLargeError) as refused:
            file.write(b"x")

    assert refused.value.max_size_bytes == 10


def test_a_full_disk_is_left_for_the_next_folder_with_all_that_was_written(tmp_path: Path) -> None:
    data = os.urandom(3 * MEGABYTE)
    with small_disk(tmp_path / "small", megabytes=1) as small, in_folders(small, tmp_path).file() as file:
        for start in range(0, len(data), MEGABYTE // 2):
            file.write(data[start : start + MEGABYTE // 2])
        assert os.pread(file.fd, len(data), 0) == data
        assert os.statvfs(small).f_bfree > 0, "what was there is given back"


def test_no_room_anywhere_is_told_with_what_was_needed(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "small", megabytes=1) as small,
        small_disk(tmp_path / "other", megabytes=1) as other,
        in_folders(small, other).file() as file,
    ):
        file.write(bytes(MEGABYTE // 2))
        with pytest.raises(ScratchFullError) as refused:
            file.write(bytes(MEGABYTE))

    assert refused.value.needed_bytes == MEGABYTE + MEGABYTE // 2
    assert refused.value.retry_after
    assert "MAYFLY_SYNTH_SCRATCH_FALLBACK_DIR" in str(refused.value)


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
def test_a_process_that_may_write_no_file_so_large_has_no_room(tmp_path: Path) -> None:
    with largest_file(MEGABYTE), in_folders(tmp_path).file() as file:
        file.write(bytes(MEGABYTE))
        with pytest.raises(ScratchFullError):
            file.write(b"x")


def test_a_folder_that_may_not_be_written_to_is_passed_over_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a file").touch()

    with in_folders(tmp_path / "a file", tmp_path / "missing", tmp_path).file() as file:
        file.write(b"something")

    warned = [record for record in caplog.records if record.message == "scratch_folder_unusable"]
    assert len(warned) == 2
    assert all(record.__dict__["error"] for record in warned)


@pytest.mark.skipif(os.getuid() != 0, reason="gives a folder away")
def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    theirs = tmp_path / f"{FOLDER}-{os.getuid()}"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, NOBODY, NOBODY)

    with pytest.raises(ScratchForbiddenError, match="MAYFLY_SYNTH_SCRATCH_DIR"), in_folders(tmp_path).file():
        pass
    assert names(theirs) == []


def test_a_folder_that_others_may_look_into_is_not_used(tmp_path: Path) -> None:
    (tmp_path / f"{FOLDER}-{os.getuid()}").mkdir(mode=0o755)

    with pytest.raises(ScratchForbiddenError), in_folders(tmp_path).file():
        pass


def test_a_link_in_the_folders_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / f"{FOLDER}-{os.getuid()}").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ScratchForbiddenError), in_folders(tmp_path).file():
        pass


def test_what_a_killed_process_left_is_swept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / f"{FOLDER}-{os.getuid()}"
    folder.mkdir(mode=0o700)
    (folder / "left").write_bytes(b"what somebody said")
    (tmp_path / "not ours").touch()

    with caplog.at_level(logging.INFO, logger=module.__name__), caplog.at_level(logging.INFO):
        assert in_folders(tmp_path, tmp_path / "missing").sweep() == 1

    assert names(tmp_path) == ["not ours"]
    assert [record.__dict__["files"] for record in caplog.records if record.message == "scratch_swept"] == [1]


def test_a_removal_that_fails_is_logged_and_counted_and_breaks_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    removals: list[str] = []

    with in_folders(tmp_path, removals=removals).file() as file:
        os.close(file.fd)

    assert removals == ["failed"]
    assert "scratch_removal_failed" in [record.message for record in caplog.records]
