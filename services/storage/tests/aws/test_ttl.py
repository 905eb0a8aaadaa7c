"""R14: DynamoDB's TTL may fire the second it may, or never. No caller can tell, and nothing is left over."""

from __future__ import annotations

import hashlib
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from mayfly_runtime.testing import FakeClock
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.testing import emulated_options, emulated_session, open_emulated
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import StorageError
from mayfly_storage.domain.links import SignedUrl
from mayfly_storage.domain.ports import AudioFilter
from mayfly_storage.domain.privacy import Privacy
from mayfly_storage.domain.timing import Timing
from mayfly_storage.domain.uploads import NewAudio, Subject, UploadRequest
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.sweeping import leaks, sweep
from mayfly_storage.usecases.assembly import RetentionUseCases, StorageUseCases, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.domain.audio import AudioName
    from mayfly_storage.domain.ports import BlobPage, BlobStore

START = datetime.now(UTC).replace(microsecond=0)
"""S3's clock cannot be told the time, so histories begin now."""
SESSIONS = 2
STEPS = 30
DAY = timedelta(days=1)
PAUSES = (timedelta(seconds=30), timedelta(hours=3), DAY, 3 * DAY, 6 * DAY)


class LaterStore:
    """A store whose own clock goes by the test's."""

    def __init__(self, blobs: BlobStore, clock: FakeClock) -> None:
        self._blobs = blobs
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    async def list_blobs(self, prefix: str, *, limit: int, cursor: str = "") -> BlobPage:
        page = await self._blobs.list_blobs(prefix, limit=limit, cursor=cursor)
        return replace(page, store_time=page.store_time + (self._clock.now() - START))


@dataclass
class Site:
    """Storage, its clock, and the TTL of its table."""

    world: World
    clock: FakeClock
    raw: Clients
    table: str
    fires: bool
    collected: int = 0

    def fire(self) -> None:
        """Collect every item whose `ttl` has come, as DynamoDB may; if it ever does."""
        if not self.fires:
            return
        items = self.raw.dynamodb.scan(TableName=self.table, ConsistentRead=True)["Items"]
        for item in items:
            if "ttl" in item and int(item["ttl"]["N"]) <= self.clock.now().timestamp():
                key = {"date": item["date"], "audio_id": item["audio_id"]}
                self.raw.dynamodb.delete_item(TableName=self.table, Key=key)
                self.collected += 1


@asynccontextmanager
async def opened(url: str, *, fires: bool) -> AsyncIterator[Site]:
    clock, options, ids = FakeClock(START), emulated_options(url), random.Random(7)  # noqa: S311 - ids that are alike
    raw = make_clients(options, session=emulated_session())
    async with open_emulated(options, now=clock.now) as backend:
        store = backend.stores.first
        later = replace(store, blobs=LaterStore(store.blobs, clock))
        stores = replace(backend.stores, by_location={Location.S3: later})
        world = World(
            backend=replace(backend, stores=stores),
            collections=read_collections(),
            privacy=Privacy(secret=b"a secret of the tests, and long enough"),
            timing=Timing(),
            now=clock.now,
            new_id=lambda: UUID(int=ids.getrandbits(128), version=4),
            new_attempt=lambda: f"{ids.getrandbits(64):x}",
        )
        yield Site(world, clock, raw, options.table, fires)
    raw.close()


async def replies_of(site: Site, seed: int, folder: Path, *, sweeping: bool) -> list[object]:
    """What the callers of one history hear. The same seed is the same history."""
    chance, storage = random.Random(seed), StorageUseCases.over(site.world)  # noqa: S311 - it chooses steps
    retention = RetentionUseCases.over(site.world)
    names: list[AudioName] = []
    requests: list[UploadRequest] = []
    heard: list[object] = []
    for number in range(STEPS):
        step = chance.choice(["save", "save", "again", "read", "list", "delete", "retain", "wait", "wait"])
        target = chance.choice(names) if names else None
        if step in {"save", "again"} or target is None:
            wish = chance.choice(requests) if step == "again" and requests else _wish(chance, number)
            requests.append(wish)
            heard.append(await _heard(_save(storage, wish, folder, names)))
        elif step == "read":
            heard.append(await _heard(storage.get_audio(target)))
            heard.append(_told(await storage.sign_urls([target], ttl=None, attachment=False)))
        elif step == "list":
            page = await storage.list_audio(AudioFilter(), subject=Subject(user_id="u1"), limit=100, cursor="")
            heard.append(sorted(audio.name for audio in page.items))
        elif step == "delete":
            heard.append(await _heard(storage.delete_audio(target)))
        elif step == "retain":
            heard.append(await _heard(storage.retain_audio(target, expire_time=None, ttl=timedelta(hours=30))))
        else:
            site.clock.advance(chance.choice(PAUSES))
            if sweeping:
                await sweep(retention)
        site.fire()
    return heard


def _wish(chance: random.Random, number: int) -> UploadRequest:
    body = SOUND
    session = f"s{chance.randrange(SESSIONS)}"
    audio = chance.choice(
        [
            NewAudio(collection="temp-audio", content_type="audio/wav", subject=Subject(guest_address="203.0.113.7")),
            NewAudio(
                collection="speech-sessions",
                content_type="audio/wav",
                key_fields={"session_id": session, "index": "1"},
                subject=Subject(user_id="u1"),
            ),
        ]
    )
    return UploadRequest(
        caller="synth",
        request_id=str(UUID(int=number, version=4)),
        audio=audio,
        size_bytes=len(body),
        sha256=hashlib.sha256(body).digest(),
    )


async def _save(storage: StorageUseCases, wish: UploadRequest, folder: Path, names: list[AudioName]) -> object:
    (folder / "body").write_bytes(SOUND)
    audio = await storage.store_file(wish, folder / "body")
    names.append(audio.name)
    return replace(audio, etag=None)


async def _heard(call: Awaitable[object]) -> object:
    try:
        return await call
    except StorageError as error:
        return str(error)


def _told(links: dict[Any, Any]) -> list[object]:
    return [
        (link.expire_time, link.limited_by) if isinstance(link, SignedUrl) else str(link) for link in links.values()
    ]


async def end_of(site: Site) -> list[str]:
    """What is left when the sweeper has come twice, a long time later."""
    for _ in range(2):
        site.clock.advance(9 * DAY)
        site.fire()
        await sweep(RetentionUseCases.over(site.world))
    claims = [f"audio/users/u1/s{number}/segment_001.wav" for number in range(SESSIONS)]
    return await leaks(site.world.backend, site.world.collections, claimable=claims)


async def test_no_caller_can_tell_whether_the_ttl_fires(
    aws_url: str, tmp_path: Path, chance: random.Random, cases: Callable[[int], range]
) -> None:
    """The sweeper comes at every pause, none of which is longer than the margin of the TTL."""
    for _ in cases(1):
        seed = chance.getrandbits(32)
        async with opened(aws_url, fires=False) as never, opened(aws_url, fires=True) as always:
            patient = await replies_of(never, seed, tmp_path, sweeping=True)
            eager = await replies_of(always, seed, tmp_path, sweeping=True)

            assert eager == patient, seed
            assert (await end_of(never), await end_of(always)) == ([], []), seed


async def test_a_ttl_that_fires_at_once_leaves_nothing_behind_when_no_sweeper_came(
    aws_url: str, tmp_path: Path, chance: random.Random
) -> None:
    """Rows go first, which orphans their objects: those are found without them."""
    seed = chance.getrandbits(32)
    async with opened(aws_url, fires=True) as site:
        await replies_of(site, seed, tmp_path, sweeping=False)
        site.clock.advance(30 * DAY)
        site.fire()

        assert site.collected > 0
        assert await end_of(site) == [], seed
