"""The embedded backend, real in every part, on a clock that waits for nobody."""

from __future__ import annotations

import asyncio
import logging
import stat
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mayfly_runtime.testing import FakeClock
from mayfly_storage.backends.embedded.backend import open_embedded
from mayfly_storage.backends.embedded.options import EmbeddedOptions, LinkServerOptions
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import DAWN, SOUND, LinkResponse, Subject, facts_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(DAWN)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60) as client:
        yield client


class _Listener(logging.Handler):
    """Tells when an event is logged: something to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited: dict[str, asyncio.Event] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() in self.awaited:
            self.awaited[record.getMessage()].set()

    def __call__(self, event: str) -> asyncio.Event:
        return self.awaited.setdefault(event, asyncio.Event())


@pytest.fixture
def heard() -> Iterator[Callable[[str], asyncio.Event]]:
    logger, listener = logging.getLogger("mayfly_storage"), _Listener()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(listener)
    yield listener
    logger.removeHandler(listener)
    logger.setLevel(level)


class Disk:
    """The data folder as an operator sees it, beside storage."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, content: bytes) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_bytes(content)

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def remove(self, name: str) -> None:
        (self.root / name).unlink()

    def names(self, folder: str = "") -> set[str]:
        return {path.name for path in (self.root / folder).iterdir()}

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.root)): path.read_bytes() for path in self._all() if path.is_file()}

    def rights(self) -> dict[str, int]:
        return {str(path.relative_to(self.root)): stat.S_IMODE(path.lstat().st_mode) for path in self._all()}

    def _all(self) -> list[Path]:
        return [self.root, *self.root.rglob("*")]


@pytest.fixture
def disk(data_dir: Path) -> Disk:
    return Disk(data_dir)


class Opening:
    """Opens the backend in the test's data folder, as often as the test likes."""

    def __init__(self, data_dir: Path, clock: FakeClock, http: httpx.AsyncClient) -> None:
        self.data_dir = data_dir
        self.clock = clock
        self._http = http

    def __call__(
        self, *, links: Mapping[str, Any] | None = None, **options: Any
    ) -> AbstractAsyncContextManager[Subject]:
        return self._open(LinkServerOptions(**{"listen": "127.0.0.1:0", **(links or {})}), options)

    @asynccontextmanager
    async def _open(self, links: LinkServerOptions, options: Mapping[str, Any]) -> AsyncIterator[Subject]:
        told = EmbeddedOptions(**{"data_dir": self.data_dir, "links": links, **options})
        async with open_embedded(told, timing=Timing(), now=self.clock.now) as backend:
            yield Subject(backend=backend, clock=self.clock, follow=self._follow)

    async def _follow(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> LinkResponse:
        answer = await self._http.request(method, url, headers=headers, content=body)
        return LinkResponse(status=answer.status_code, headers=dict(answer.headers), body=answer.content)


@pytest.fixture
def opening(data_dir: Path, clock: FakeClock, http: httpx.AsyncClient) -> Opening:
    return Opening(data_dir, clock, http)


@pytest.fixture
async def embedded(opening: Opening) -> AsyncIterator[Subject]:
    async with opening() as subject:
        yield subject


class Save:
    """Saves as storage itself does: W1, W2 from a file, W3."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __call__(self, subject: Subject, body: bytes = SOUND, **overrides: Any) -> Audio:
        audio = subject.an_audio(body=body, **overrides)
        await subject.catalog.reserve(audio, None)
        path = self._folder / f"{audio.name.audio_id}.tmp"
        path.write_bytes(body)
        blob = await subject.blobs.put_file(audio.object_key, path, facts_of(audio))
        return await subject.catalog.make_ready(audio.ready(etag=blob.etag))


@pytest.fixture
def save(tmp_path: Path) -> Save:
    return Save(tmp_path)
