"""Failpoints: where they are, and that nobody meets one by accident."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.settings import SettingsError
from mayfly_storage.config import StorageSettings
from mayfly_storage.domain.failpoints import Failpoint, pass_by
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.failing import reach_for
from mayfly_storage.testing import SOUND
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_storage.testing.stage import Stage

RECORDING = {"collection": "recordings", "key_fields": {"recording_id": "r1"}, "subject": Subject(user_id="u1")}


async def test_a_save_and_a_delete_pass_their_steps_in_order(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "sound"
    path.write_bytes(SOUND)
    passed: list[Failpoint] = []
    storage = StorageUseCases.over(replace(stage.world, reach=passed.append))

    audio = await storage.store_file(stage.wish(), path)
    await storage.delete_audio(audio.name)

    assert [str(point) for point in passed] == [
        *("before-W1", "after-W1", "before-W2", "after-W2", "after-W3"),
        *("before-D1", "after-D1", "before-D2", "after-D2", "after-D3", "after-note"),
    ]


async def test_a_commit_passes_the_fence_between_two_failpoints(stage: Stage) -> None:
    audio = await stage.put(**RECORDING)
    passed: list[Failpoint] = []
    storage = StorageUseCases.over(replace(stage.world, reach=passed.append))

    await storage.commit_upload(audio.name, audio.attempt)

    assert passed == [Failpoint.BEFORE_W3, Failpoint.AFTER_W3]


def test_no_failpoint_means_that_all_are_passed_by() -> None:
    assert StorageSettings.load().failpoint is None
    assert reach_for(None) is pass_by


def test_other_failpoints_than_the_named_one_are_passed_by() -> None:
    reach = reach_for(Failpoint.AFTER_W2)

    assert reach(Failpoint.AFTER_W1) is None  # and this process goes on


@pytest.mark.parametrize("address", ["listen", "retention_listen", "links_listen"])
def test_a_failpoint_is_refused_where_other_machines_can_reach_storage(address: str) -> None:
    with pytest.raises(SettingsError, match="failpoint is for tests on one machine"):
        StorageSettings.load(failpoint="after-W2", **{address: "0.0.0.0:1"})


def test_an_unknown_failpoint_is_told_which_there_are() -> None:
    with pytest.raises(SettingsError, match="after-W2"):
        StorageSettings.load(failpoint="after-lunch")
