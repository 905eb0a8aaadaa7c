"""What callers do, for as long as they live: save, put late or never, delete, keep, forget, and follow links."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mayfly_storage.domain.errors import (
    AudioNotFoundError,
    BackendUnavailableError,
    ContentMismatchError,
    ObjectKeyTakenError,
    StorageError,
)
from mayfly_storage.domain.failpoints import Failpoint
from mayfly_storage.domain.uploads import NewAudio, Subject, UploadRequest
from mayfly_storage.testing import facts_of
from mayfly_storage.testing.reference import Crash

if TYPE_CHECKING:
    import random
    from collections.abc import Coroutine
    from pathlib import Path

    import httpx

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.domain.audio import Audio, AudioName
    from mayfly_storage.testing.reference import Fuse
    from mayfly_storage.usecases.assembly import StorageUseCases, World
    from tests.prove.ledger import Ledger
    from tests.prove.scenario import Scenario
    from tests.prove.site import Site

SAVE_POINTS: Final = [point for point in Failpoint if "W" in point]
ERASE_POINTS: Final = [point for point in Failpoint if "W" not in point and "orphan" not in point]
USERS: Final = [f"u{number}" for number in range(8)]
LATEST: Final = timedelta(hours=5)
"""A PUT that lands so much too late has no row any more. Stores refuse it; ours is told not to."""


@dataclass
class Callers:
    """All callers of one storage."""

    scenario: Scenario
    site: Site
    world: World
    storage: StorageUseCases
    clock: FakeClock
    fuse: Fuse
    ledger: Ledger
    chance: random.Random
    http: httpx.AsyncClient
    scratch: Path
    unanswered: list[tuple[UploadRequest, bytes]] = field(default_factory=list)
    late: list[tuple[Audio, bytes]] = field(default_factory=list)
    """Grants whose PUT has not come yet."""

    async def act(self) -> None:
        """One of the things that callers do."""
        acts = {
            self.save: 30,
            self.upload: 22,
            self.retry: 8,
            self.put_late: 10,
            self.delete: 14,
            self.retain: 7,
            self.forget: 2,
        }
        [act] = self.chance.choices(list(acts), weights=list(acts.values()))
        await act()

    async def rush(self, acts: int) -> None:
        """Some at once, beside sweepers; nobody crashes, for that would be the sweepers' crash, too."""
        self.scenario, before = replace(self.scenario, crash_share=0), self.scenario
        self.ledger.tried["acts beside overlapping sweepers"] += acts
        for _ in range(acts):
            await self.act()
        self.scenario = before

    async def save(self) -> None:
        """Bytes through storage."""
        await self._store(self._wish(body := self._body()), body)

    async def retry(self) -> None:
        """The same request again, by somebody who heard nothing."""
        if self.unanswered:
            self.ledger.tried["retries of what was not answered"] += 1
            await self._store(*self.unanswered.pop(self.chance.randrange(len(self.unanswered))))

    async def _store(self, request: UploadRequest, body: bytes) -> None:
        path = self.scratch / f"{request.request_id}"
        path.write_bytes(body)
        stored = await self._attempt("saves through storage", SAVE_POINTS, self.storage.store_file(request, path))
        path.unlink(missing_ok=True)
        if isinstance(stored, Crash | BackendUnavailableError):
            self.unanswered.append((request, body))
        elif not isinstance(stored, StorageError):
            self.ledger.acknowledge(stored, body)

    async def upload(self) -> None:
        """A grant, the PUT, the commit: as many of the three as the caller lives to do."""
        body = self._body()
        granted = await self._attempt(
            "grants", [Failpoint.BEFORE_W1, Failpoint.AFTER_W1], self.storage.create_upload(self._wish(body))
        )
        if isinstance(granted, Crash | StorageError):
            return
        audio, grant = granted
        if self.chance.random() < 0.25:
            self.ledger.tried["grants that are not used in time"] += 1
            self.late.append((audio, body))
            return
        if not await self._put(grant, body) or self.chance.random() < 0.1:
            self.ledger.tried["uploads that nobody commits"] += 1
            return
        ready = await self._attempt(
            "commits", [Failpoint.BEFORE_W3, Failpoint.AFTER_W3], self.storage.commit_upload(audio.name, grant.attempt)
        )
        if not isinstance(ready, Crash | StorageError):
            self.ledger.acknowledge(ready, body)

    async def _put(self, grant: Any, body: bytes) -> bool:
        try:
            answer = await self.http.put(grant.url, headers=dict(grant.headers), content=body)
        except OSError:
            return False
        except Exception as error:
            if type(error).__module__.startswith("httpx"):  # the store is away
                return False
            raise
        return answer.is_success

    async def put_late(self) -> None:
        """A PUT that was under way for minutes, or for hours."""
        if not self.late:
            return
        audio, body = self.late.pop(self.chance.randrange(len(self.late)))
        settled = self.world.timing.settled_time(audio)
        if audio.claims_key and self.clock.now() >= settled:
            return  # no PUT lands so late; with a chosen key, safety rests on that
        self.ledger.tried["PUTs that land late" if self.clock.now() < settled else "PUTs that land hours late"] += 1
        path = self.scratch / str(audio.name.audio_id)
        path.write_bytes(body)
        try:
            await self.site.truth[audio.location].put_file(audio.object_key, path, facts_of(audio))
        except ContentMismatchError:
            self.ledger.tried["late PUTs that the store refused"] += 1

    async def delete(self) -> None:
        """One audio, by name."""
        if name := self._somebodys():
            done = await self._attempt("deletions by name", ERASE_POINTS, self.storage.delete_audio(name))
            await self._note_end([name], certain=not isinstance(done, Crash | StorageError))

    async def forget(self) -> None:
        """All audio of a user."""
        subject = Subject(user_id=self.chance.choice(USERS))
        theirs = [name for name, kept in self.ledger.reference.kept.items() if kept.audio.user_id == subject.user_id]
        done = await self._attempt(
            "deletions of all audio of a person", ERASE_POINTS, self.storage.forget_subject(subject)
        )
        await self._note_end(theirs, certain=not isinstance(done, Crash | StorageError))

    async def _note_end(self, names: list[AudioName], *, certain: bool) -> None:
        """Whoever heard no answer looks."""
        self.fuse.arm(None)
        for name in names:
            if certain or not await self._is_readable(name):
                self.ledger.end(name, self.clock.now())

    async def _is_readable(self, name: AudioName) -> bool:
        try:
            await self.storage.get_audio(name)
        except AudioNotFoundError:
            return False
        return True

    async def retain(self) -> None:
        """An end that moves, to and fro."""
        if name := self._somebodys():
            kept = self.ledger.reference.kept[name]
            ttl = timedelta(minutes=self.chance.randrange(5, 60 * 30))
            moved = await self._attempt(
                "ends that are moved", [], self.storage.retain_audio(name, expire_time=None, ttl=ttl)
            )
            if not isinstance(moved, Crash | StorageError):
                self.ledger.acknowledge(moved, kept.body)

    async def _attempt(self, what: str, points: list[Failpoint], work: Coroutine[Any, Any, Any]) -> Any:
        """The answer, the refusal, or the crash."""
        crashes = points and self.chance.random() < self.scenario.crash_share
        self.ledger.tried[what] += 1
        self.fuse.arm(self.chance.choice(points) if crashes else None)
        try:
            return await work
        except Crash as crash:
            self.ledger.tried[f"crashes {self.fuse.blown_at}"] += 1
            return crash
        except (StorageError, ObjectKeyTakenError) as refusal:
            self.ledger.tried[f"answers: {type(refusal).__name__.removesuffix('Error')}"] += 1
            return refusal
        finally:
            self.fuse.arm(None)

    def _somebodys(self) -> AudioName | None:
        readable = list(self.ledger.readable(self.clock.now()))
        return self.chance.choice(readable) if readable else None

    def _body(self) -> bytes:
        return self.chance.randbytes(self.chance.randrange(1, 2_000))

    def _wish(self, body: bytes) -> UploadRequest:
        return UploadRequest(
            caller="prove",
            request_id=str(UUID(int=self.chance.getrandbits(128), version=4)),
            audio=self._audio(),
            size_bytes=len(body),
            sha256=hashlib.sha256(body).digest(),
        )

    def _audio(self) -> NewAudio:
        """Guests' speech mostly, of any life; and of every other collection."""
        number, user = str(self.chance.randrange(40)), Subject(user_id=self.chance.choice(USERS))
        kind = self.chance.choices(
            ["temp-audio", "speech-sessions", "recordings", "processing"], weights=[12, 4, 2, 4]
        )[0]
        chosen: dict[str, dict[str, Any]] = {
            "temp-audio": {"subject": Subject(guest_address=f"192.0.2.{number}")},
            "speech-sessions": {"key_fields": {"session_id": f"s{number}", "index": number}, "subject": user},
            "recordings": {"key_fields": {"recording_id": f"r{number}"}, "subject": user},
            "processing": {"key_fields": {"project_id": "p", "pitch_id": f"t{number}", "filename": "take.wav"}},
        }
        lives = [None, None, timedelta(minutes=1), timedelta(minutes=20), timedelta(hours=3), timedelta(hours=11)]
        ttl = None if kind == "recordings" else self.chance.choice(lives)
        return NewAudio(collection=kind, content_type="audio/wav", ttl=ttl, text="a secret of a guest", **chosen[kind])
