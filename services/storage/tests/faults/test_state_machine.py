"""Random histories of saves, reads, deletes, sweeps, crashes, late PUTs and passing time, beside a dict.

A failure prints the shortest history that hypothesis found, and the line (`@reproduce_failure`) that replays it. More:
`pytest services/storage/tests/faults/test_state_machine.py --hypothesis-profile=thorough --timeout=0`.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from mayfly_runtime.testing import FakeClock
from mayfly_storage.domain.errors import (
    AudioNotFoundError,
    ContentMismatchError,
    ObjectKeyTakenError,
    UploadFencedError,
)
from mayfly_storage.domain.failpoints import Failpoint, pass_by
from mayfly_storage.domain.links import SignedUrl
from mayfly_storage.testing import facts_of
from mayfly_storage.testing.histories import ERASE_POINTS, KEYS, PAUSES, REFUSALS, SAVE_POINTS, a_request
from mayfly_storage.testing.reference import Crash, Fuse, Reference
from mayfly_storage.testing.sites import in_memory, on_aws, on_files
from mayfly_storage.testing.stalling import Stall, StalledEraser, begin
from mayfly_storage.testing.sweeping import leaks, sweep
from mayfly_storage.testing.worlds import a_world
from mayfly_storage.usecases.assembly import RetentionUseCases, StorageUseCases

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio, AudioName
    from mayfly_storage.domain.uploads import UploadRequest
    from mayfly_storage.testing.sites import Site

    Open = Callable[[FakeClock], AbstractAsyncContextManager["Site"]]

USUAL_EXAMPLES = settings.get_profile("default").max_examples
MOST_STALLED = 2

bodies = st.sampled_from([b"one", b"another", b"a third"])
keys = st.sampled_from([None, *range(len(KEYS))])
picks = st.integers(min_value=-1, max_value=20)  # -1 is the last one


def crashes(points: list[Failpoint]) -> st.SearchStrategy[Failpoint | None]:
    """Mostly none."""
    return st.one_of(st.none(), st.none(), st.sampled_from(points))


class History(RuleBasedStateMachine):
    """Storage beside its reference."""

    def __init__(self, opened: Open, folder: Path) -> None:
        super().__init__()
        self.clock = FakeClock(datetime(2026, 1, 15, 12, 0, tzinfo=UTC))
        self.fuse = Fuse()
        self.reference = Reference()
        self.unanswered: list[tuple[UploadRequest, bytes]] = []
        self.granted: list[tuple[Audio, str, bytes]] = []
        self.left_to_the_ttl: set[str] = set()
        """Keys whose claims outlive their rows: a sweep frees those where bytes lie, the next writer the others."""
        self.stalled: list[StalledEraser] = []
        self.body = folder / "body"
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.site: Site = self.run(self.stack.enter_async_context(opened(self.clock)))
        self.world = a_world(self.site.backend, self.clock.now, reach=self.fuse)
        self.storage = StorageUseCases.over(self.world)
        self.retention = RetentionUseCases.over(self.world)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        try:
            self.fuse.arm(None)
            while self.stalled:
                self.a_stalled_eraser_goes_on(pick=0)
            self.everything_goes_in_the_end()
        finally:
            self.run(self.stack.aclose())
            self.runner.close()

    @rule(
        body=bodies,
        key=keys,
        ttl=st.sampled_from([None, 60]),
        crash=crashes(SAVE_POINTS),
    )
    def save(self, body: bytes, key: int | None, ttl: int | None, crash: Failpoint | None) -> None:
        self.store(a_request(body, key, ttl), body, crash)

    @precondition(lambda self: self.unanswered)
    @rule(pick=picks, crash=crashes(SAVE_POINTS))
    def retry(self, pick: int, crash: Failpoint | None) -> None:
        request, body = self.unanswered.pop(pick % len(self.unanswered))
        self.store(request, body, crash)

    def store(self, request: UploadRequest, body: bytes, crash: Failpoint | None) -> None:
        self.body.write_bytes(body)
        self.fuse.arm(crash)
        try:
            audio = self.run(self.storage.store_file(request, self.body))
        except Crash:
            self.unanswered.append((request, body))
        except REFUSALS:
            assert not self.fuse.blown_at
        else:
            self.reference.acknowledge(audio, body)

    @rule(body=bodies, key=keys, steps=st.sampled_from([1, 2, 2, 3, 3, 3]))
    def upload(self, body: bytes, key: int | None, steps: int) -> None:
        """Begin; put; commit: as many of the three as the caller lives to do."""
        self.fuse.arm(None)
        try:
            audio, grant = self.run(self.storage.create_upload(a_request(body, key, None)))
        except ObjectKeyTakenError:
            return
        self.granted.append((audio, grant.attempt, body))
        if steps > 1:
            self.a_put_lands(pick=-1)
        if steps > 2:
            self.commit(pick=-1, crash=None)

    @precondition(lambda self: self.granted)
    @rule(pick=picks)
    def a_put_lands(self, pick: int) -> None:
        """Early, late, twice, or after its row has gone."""
        audio, _, body = self.granted[pick % len(self.granted)]
        self.body.write_bytes(body)
        try:
            self.run(self.site.backend.stores.of(audio).blobs.put_file(audio.object_key, self.body, facts_of(audio)))
        except ContentMismatchError:
            assert audio.claims_key

    @precondition(lambda self: self.granted)
    @rule(pick=picks, crash=crashes([Failpoint.BEFORE_W3, Failpoint.AFTER_W3]))
    def commit(self, pick: int, crash: Failpoint | None) -> None:
        audio, attempt, body = self.granted[pick % len(self.granted)]
        self.fuse.arm(crash)
        try:
            ready = self.run(self.storage.commit_upload(audio.name, attempt))
        except (Crash, *REFUSALS):
            return
        self.reference.acknowledge(ready, body)

    @precondition(lambda self: self.granted)
    @rule(pick=picks, crash=crashes(ERASE_POINTS))
    def abandon(self, pick: int, crash: Failpoint | None) -> None:
        audio, attempt, _ = self.granted[pick % len(self.granted)]
        self.fuse.arm(crash)
        try:
            self.run(self.storage.abandon_upload(audio.name, attempt))
        except (Crash, UploadFencedError):
            return

    @precondition(lambda self: self.reference.kept)
    @rule(pick=picks, crash=crashes(ERASE_POINTS))
    def delete(self, pick: int, crash: Failpoint | None) -> None:
        name = list(self.reference.kept)[pick % len(self.reference.kept)]
        self.fuse.arm(crash)
        try:
            self.run(self.storage.delete_audio(name))
        except Crash:
            if self.fuse.blown_at is Failpoint.BEFORE_D1:
                return
        self.reference.delete(name)

    @precondition(lambda self: self.reference.kept and len(self.stalled) < MOST_STALLED)
    @rule(pick=picks, before=st.integers(min_value=1, max_value=5))
    def an_eraser_stalls(self, pick: int, before: int) -> None:
        """Between any two of its requests: read the row, D1, D2, D3, and what is noted or given back."""
        name = list(self.reference.kept)[pick % len(self.reference.kept)]
        stall = Stall(before)
        world = replace(self.world, backend=stall.within(self.site.backend), reach=pass_by)
        task = self.run(begin(StorageUseCases.over(world).delete_audio(name), stall))
        if before > 1:  # D1 was the request with the number 1
            self.reference.delete(name)
        if not task.done():
            self.stalled.append(StalledEraser(name, stall, task))

    @precondition(lambda self: self.stalled)
    @rule(pick=picks)
    def a_stalled_eraser_goes_on(self, pick: int) -> None:
        eraser = self.stalled.pop(pick % len(self.stalled))
        eraser.stall.over.set()
        self.run(asyncio.wait_for(eraser.task, timeout=None))
        self.reference.delete(eraser.name)

    @rule(crash=crashes(ERASE_POINTS))
    def sweep(self, crash: Failpoint | None) -> None:
        self.fuse.arm(crash)
        try:
            self.run(sweep(self.retention))
        except Crash:
            assert self.fuse.blown_at is crash

    @rule(pause=st.sampled_from(PAUSES))
    def time_passes(self, pause: timedelta) -> None:
        self.clock.advance(pause)

    @precondition(lambda self: self.site.collect)
    @rule()
    def the_ttl_fires(self) -> None:
        """As soon as it may; often it never does."""
        assert self.site.collect is not None
        margin = self.world.timing.tombstone_margin
        for name, kept in self.reference.kept.items():
            end = kept.audio.expire_time
            if end is not None and self.clock.now() >= end + margin:
                self.run(self.site.collect(name))
                self.left_to_the_ttl.add(kept.audio.object_key)

    @rule(ttl=st.sampled_from([None, timedelta(seconds=30), timedelta(days=3)]))
    def links_end_with_their_audio(self, ttl: timedelta | None) -> None:
        names = [*self.reference.kept, *sorted(self.reference.gone)]
        now, readable = self.clock.now(), self.reference.readable(self.clock.now())
        links = self.run(self.storage.sign_urls(names, ttl=ttl, attachment=False)) if names else {}
        for name, link in links.items():
            if isinstance(link, SignedUrl):
                end = readable[name].audio.expire_time
                assert now < link.expire_time
                assert end is None or link.expire_time <= end
            else:
                assert name not in readable

    @invariant()
    def what_was_acknowledged_is_readable_until_it_expires_and_nothing_else_is(self) -> None:
        self.fuse.arm(None)
        readable = self.reference.readable(self.clock.now())
        for name in [*self.reference.kept, *self.reference.gone]:
            if name in readable:
                assert self.run(self.sha256_of(name)) == hashlib.sha256(readable[name].body).digest()
            else:
                with pytest.raises(AudioNotFoundError):
                    self.run(self.storage.get_audio(name))

    async def sha256_of(self, name: AudioName) -> bytes | None:
        audio = await self.storage.get_audio(name)
        blob = await self.site.backend.stores.of(audio).blobs.head(audio.object_key)
        return blob.sha256 if blob else None

    def everything_goes_in_the_end(self) -> None:
        for _ in range(2):
            self.clock.advance(timedelta(hours=25))
            self.run(sweep(self.retention))
        claimable = set(KEYS) - self.left_to_the_ttl
        assert self.run(leaks(self.site.backend, self.world.collections, claimable=claimable)) == []
        self.what_was_acknowledged_is_readable_until_it_expires_and_nothing_else_is()


def explore(opened: Open, folder: Path, *, examples: int, steps: int) -> int:
    """How many histories were tried; each has held."""
    tried = 0

    def history() -> History:
        nonlocal tried
        tried += 1
        return History(opened, folder)

    profile = settings()
    scale = profile.max_examples // USUAL_EXAMPLES
    run_state_machine_as_test(
        history,
        settings=settings(
            profile,
            max_examples=examples * max(1, scale),
            stateful_step_count=steps,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return tried


def test_random_histories_in_memory(tmp_path: Path) -> None:
    assert explore(in_memory, tmp_path, examples=120, steps=40) >= 120


def test_random_histories_on_files(tmp_path: Path) -> None:
    assert explore(on_files(tmp_path), tmp_path, examples=20, steps=30) >= 20


def test_random_histories_on_s3_and_dynamodb(tmp_path: Path, aws_url: str) -> None:
    assert explore(on_aws(aws_url), tmp_path, examples=3, steps=15) >= 3
