"""The doctor's round trips over the backend in memory: what they leave, and how they fail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError
from mayfly_storage.domain.findings import Verdict
from mayfly_storage.testing.stage import Stage
from mayfly_storage.usecases.round_trips import HttpAnswer, NoHttpAnswerError, RoundTrips, doctors_world

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mayfly_storage.testing.parts import MemoryParts


class Browser:
    """Follows links of the memory backend; answers some methods with another status."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.instead: dict[str, int] = {}
        self.away = False

    async def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> HttpAnswer:
        if self.away:
            raise NoHttpAnswerError("nobody answers at links.invalid (Connection refused)")
        if method in self.instead:
            return HttpAnswer(self.instead[method])
        answer = self.stage.memory.links.serve(method, url, headers=dict(headers or {}), body=body)
        return HttpAnswer(answer.status, answer.body, answer.headers.get("etag", ""))


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def browser(stage: Stage) -> Browser:
    return Browser(stage)


@pytest.fixture
def trips(stage: Stage, browser: Browser, tmp_path: Path) -> RoundTrips:
    world = doctors_world(
        stage.world.backend, collections=stage.world.collections, timing=stage.timing, now=stage.clock.now
    )
    return RoundTrips(world=world, http=browser, scratch=tmp_path)


@pytest.fixture
def parts(stage: Stage) -> MemoryParts:
    found: Any = stage.memory.backend.stores.first.parts
    return found


def empty(stage: Stage) -> bool:
    return not stage.memory.catalog.rows and not stage.memory.blobs.objects


async def test_all_trips_pass_and_leave_nothing(stage: Stage, trips: RoundTrips) -> None:
    findings = [await trips.through_storage(), await trips.through_links(), await trips.through_parts()]

    assert [each.verdict for each in findings] == [Verdict.OK, Verdict.OK, Verdict.OK]
    assert empty(stage)


async def test_a_part_that_is_refused_is_told_and_its_upload_aborted(
    stage: Stage, browser: Browser, trips: RoundTrips
) -> None:
    browser.instead = {"PUT": 403}

    finding = await trips.through_parts()

    assert (finding.verdict, finding.detail) == (Verdict.FAILED, "PUT of a part: HTTP 403")
    assert empty(stage)


async def test_parts_that_the_store_keeps_are_told(stage: Stage, parts: MemoryParts, trips: RoundTrips) -> None:
    parts.clings = 1

    finding = await trips.through_parts()

    assert (finding.verdict, finding.detail) == (Verdict.FAILED, "abort: the store still knows the upload")


async def test_where_one_put_takes_anything_there_are_no_parts_to_try(stage: Stage, trips: RoundTrips) -> None:
    stores = trips.world.backend.stores
    whole = replace(stores, by_location={stores.primary: replace(stores.first, parts=None)})
    trips = replace(trips, world=replace(trips.world, backend=replace(trips.world.backend, stores=whole)))

    assert "any size" in (await trips.through_parts()).detail


async def test_the_audio_lies_in_a_folder_of_a_collection_that_ends(stage: Stage, trips: RoundTrips) -> None:
    [collection] = trips.world.collections.by_id.values()

    assert collection.id == "temp-audio"
    assert collection.key_templates[0].prefix == "temp-audio/"
    assert collection.lifetime is not None


async def test_where_all_is_kept_the_audio_of_the_trip_still_ends(stage: Stage) -> None:
    kept = stage.world.collections.get("recordings")
    world = doctors_world(
        stage.world.backend,
        collections=replace(stage.world.collections, by_id={kept.id: kept}),
        timing=stage.timing,
        now=stage.clock.now,
    )

    assert world.collections.get("recordings").lifetime is not None


@pytest.mark.parametrize(
    ("method", "status", "said"),
    [
        ("PUT", 403, "PUT: HTTP 403"),
        ("GET", 404, "GET of the link: HTTP 404"),
        ("GET", 200, "GET of the link: HTTP 200"),
    ],
)
async def test_a_link_that_does_not_work_is_told_with_what_it_answered(
    stage: Stage, trips: RoundTrips, browser: Browser, method: str, status: int, said: str
) -> None:
    browser.instead[method] = status

    finding = await trips.through_links()

    assert (finding.verdict, finding.detail) == (Verdict.FAILED, said)
    assert empty(stage)


async def test_links_to_where_nobody_is_are_told(stage: Stage, trips: RoundTrips, browser: Browser) -> None:
    browser.away = True

    assert (await trips.through_links()).detail.startswith("PUT: nobody answers at links.invalid")
    assert empty(stage)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("put_file", "row and upload: memory refuses: AccessDenied"),
        ("head", "read: memory refuses: AccessDenied"),
        ("list_blobs", "list: memory refuses: AccessDenied"),
        ("delete_many", "delete: the object is still there"),
    ],
)
async def test_what_the_store_refuses_is_told_with_its_step(
    stage: Stage, trips: RoundTrips, method: str, said: str
) -> None:
    async def refuse(*_: object, **__: object) -> object:
        raise BackendMisconfiguredError("memory", "AccessDenied")

    stage.blobs.instead[method] = refuse

    finding = await trips.through_storage()

    assert (finding.verdict, finding.detail) == (Verdict.FAILED, said)


async def test_a_store_that_is_away_is_told_and_what_is_left_has_its_row(stage: Stage, trips: RoundTrips) -> None:
    async def away(*_: object, **__: object) -> object:
        raise BackendUnavailableError("memory")

    stage.blobs.instead["head"] = away
    stage.catalog.instead["begin_delete"] = away

    finding = await trips.through_storage()

    assert finding.detail.startswith("read: ")
    assert set(stage.memory.blobs.objects) == {row.object_key for row in stage.memory.catalog.rows.values()}
