"""R15: whatever the times are, a link ends with what ends first, says so, and stays the same within its window."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from mayfly_runtime.offload import Offload
from mayfly_storage.backends.aws.clients import AwsCalls
from mayfly_storage.backends.aws.credentials import SigningCredentials, Snapshot
from mayfly_storage.backends.aws.links import S3Links
from mayfly_storage.backends.aws.options import AwsOptions
from mayfly_storage.backends.aws.sigv4 import BucketEndpoint, SigV4Presigner
from mayfly_storage.backends.embedded.link_keys import LinkKeys
from mayfly_storage.backends.embedded.links import HmacLinks
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.audio import Location, State
from mayfly_storage.domain.errors import AudioNotFoundError
from mayfly_storage.domain.links import (
    MAX_URL_LIFETIME,
    MIN_URL_LIFETIME,
    LimitedBy,
    SignedUrl,
    begin_of,
    window_of,
)
from mayfly_storage.domain.stores import Store, Stores
from mayfly_storage.testing import DAWN, an_audio, memory_backend
from mayfly_storage.usecases.access import SignUrls

if TYPE_CHECKING:
    from mayfly_storage.domain.audio import Audio

EXAMPLES = 3 * settings().max_examples
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
KEYS = ReadOnlyCredentials("ASIAEXAMPLE", "made-up", "a-session-token")
COLLECTIONS = read_collections()


def lives(least: timedelta, most: timedelta) -> st.SearchStrategy[timedelta]:
    """Any, and often a whole number of seconds: that is where an off-by-one would be."""
    return st.timedeltas(least, most) | st.integers(least // SECOND, most // SECOND).map(lambda n: n * SECOND)


@dataclass(frozen=True)
class Scene:
    """When it is, what there is to sign, and for how long."""

    now: datetime
    lives: list[tuple[timedelta, timedelta | None, str]]
    ttl: timedelta | None
    window: timedelta
    credentials_left: timedelta | None

    @property
    def credentials_end(self) -> datetime | None:
        return self.now + self.credentials_left if self.credentials_left is not None else None

    def audios(self) -> list[Audio]:
        return [
            an_audio(
                create_time=self.now - age,
                expire_time=None if life is None else self.now - age + life,
                collection=collection,
                state=State.READY,
                etag="tag",
            )
            for age, life, collection in self.lives
        ]

    def asked(self, audio: Audio) -> timedelta:
        life = COLLECTIONS.get(audio.collection).url_lifetime if self.ttl is None else self.ttl
        return max(min(life, MAX_URL_LIFETIME), MIN_URL_LIFETIME)


scenes = st.builds(
    Scene,
    now=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda time: time.replace(tzinfo=UTC)),  # noqa: DTZ001 - made aware here
    lives=st.lists(
        st.tuples(
            lives(timedelta(0), 8 * DAY),
            st.none() | lives(SECOND, 9 * DAY),
            st.sampled_from(["temp-audio", "recordings"]),
        ),
        min_size=10,
        max_size=30,
    ),
    ttl=st.none() | lives(SECOND, 30 * DAY),
    window=lives(timedelta(0), HOUR),
    credentials_left=st.none() | lives(2 * SECOND, 12 * HOUR),
)


@dataclass(frozen=True)
class Fixed:
    """Credentials with a known end."""

    end: datetime | None

    def snapshot(self) -> Snapshot:
        return Snapshot(KEYS, self.end)

    def at_hand(self) -> Snapshot:
        return self.snapshot()


class OneBucket:
    is_ready = True
    signer = SigV4Presigner(BucketEndpoint("https://b.s3.eu-west-1.amazonaws.com/", "/", "b"), region="eu-west-1")


async def sign(scene: Scene, audios: list[Audio], *, now: datetime, on_s3: bool) -> list[Any]:
    """What SignUrls answers at `now`."""
    pool = Offload(name="signing", workers=1, queue=1)
    links: Any = HmacLinks(keys=LinkKeys((b"x" * 32,)), base_url="http://127.0.0.1", now=lambda: now)
    if on_s3:
        presigner, credentials, options = OneBucket(), Fixed(scene.credentials_end), AwsOptions(bucket="b", region="r")
        calls = AwsCalls("S3", pool)
        links = S3Links(options, presigner=presigner, credentials=credentials, calls=calls, now=lambda: now)  # type: ignore[arg-type]
    memory = memory_backend(now=lambda: now)
    memory.catalog.rows.update({audio.name: audio for audio in audios})
    sign_urls = SignUrls(
        catalog=memory.catalog,
        stores=Stores(primary=Location.LOCAL, by_location={Location.LOCAL: Store(blobs=memory.blobs, links=links)}),
        collections=COLLECTIONS,
        window=scene.window,
        now=lambda: now,
    )
    try:
        outcomes = await sign_urls([audio.name for audio in audios], ttl=scene.ttl, attachment=False)
    finally:
        await pool.shutdown()
    return [outcomes[audio.name] for audio in audios]


def require_honest(scene: Scene, audio: Audio, link: SignedUrl, *, on_s3: bool) -> None:
    """The end is the true one, what is said to limit it does, and nothing is given away but window and second."""
    asked = scene.asked(audio)
    ends = {LimitedBy.POLICY: scene.now + asked, LimitedBy.OBJECT: audio.expire_time}
    if on_s3:
        ends[LimitedBy.CREDENTIALS] = scene.credentials_end
    limit = min(end for end in ends.values() if end is not None)
    window = window_of(asked, longest=scene.window)
    assert link.expire_time <= limit < link.expire_time + window + SECOND

    by = LimitedBy.POLICY if link.limited_by is LimitedBy.REQUEST else link.limited_by
    end = ends[by]
    assert end is not None
    if by is LimitedBy.POLICY:
        cut = scene.ttl is None or scene.ttl > MAX_URL_LIFETIME
        assert link.limited_by is (LimitedBy.POLICY if cut else LimitedBy.REQUEST)
        end = begin_of(scene.now, window) + asked
    assert timedelta(0) <= end - link.expire_time < SECOND


def text_end(link: SignedUrl) -> datetime:
    """The end as the store will read it."""
    query = dict(parse_qsl(urlsplit(link.url).query))
    if "exp" in query:
        return datetime.fromtimestamp(int(query["exp"]), UTC)
    signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return signed_at + int(query["X-Amz-Expires"]) * SECOND


@settings(max_examples=EXAMPLES)
@given(scene=scenes, on_s3=st.booleans())
def test_a_link_ends_with_what_ends_first_and_says_so(scene: Scene, *, on_s3: bool) -> None:
    audios = scene.audios()

    links = asyncio.run(sign(scene, audios, now=scene.now, on_s3=on_s3))

    for audio, link in zip(audios, links, strict=True):
        if isinstance(link, SignedUrl):
            require_honest(scene, audio, link, on_s3=on_s3)
            assert text_end(link) == link.expire_time
        else:
            assert isinstance(link, AudioNotFoundError)
            assert audio.expire_time is not None
            assert audio.expire_time < scene.now + SECOND


@settings(max_examples=100)
@given(scene=scenes, on_s3=st.booleans(), late=st.integers(0, 999))
def test_a_link_is_the_same_for_all_who_ask_within_its_window(scene: Scene, *, on_s3: bool, late: int) -> None:
    if scene.credentials_left is not None:  # nothing is signed after their end
        scene = replace(scene, credentials_left=scene.credentials_left + HOUR)
    audios = [audio for audio in scene.audios() if audio.collection == "recordings"]  # each life has its own window
    life = COLLECTIONS.get("recordings").url_lifetime if scene.ttl is None else min(scene.ttl, MAX_URL_LIFETIME)
    window = window_of(life, longest=scene.window)
    begin = begin_of(scene.now, window)
    earlier = asyncio.run(sign(scene, audios, now=begin, on_s3=on_s3))

    later = asyncio.run(sign(scene, audios, now=begin + window * late // 1000, on_s3=on_s3))

    for first, second in zip(earlier, later, strict=True):
        if isinstance(second, SignedUrl):
            assert first == second


class Watched(RefreshableCredentials):
    """Lets a test look in the middle of a refresh, when the end is new and the keys are not."""

    look: threading.Thread | None = None

    def _set_from_data(self, data: Any) -> None:
        super()._set_from_data(data)
        if self.look is not None:
            self.look.start()
            self.look.join(0.2)  # it cannot come to its end before the refresh does


def test_keys_and_their_end_belong_together_in_the_middle_of_a_refresh() -> None:
    def metadata(name: str, left: timedelta) -> dict[str, str]:
        end = (datetime.now(UTC) + left).isoformat()
        return {"access_key": name, "secret_key": name, "token": name, "expiry_time": end}

    credentials = Watched.create_from_metadata(
        metadata("old", 14 * 60 * SECOND), refresh_using=lambda: metadata("new", 6 * HOUR), method="test"
    )
    signing = SigningCredentials(credentials, now=lambda: DAWN, session_lifetime=HOUR)
    seen: list[Snapshot] = []
    credentials.look = threading.Thread(target=lambda: seen.append(signing.snapshot()))

    ours = signing.snapshot()
    credentials.look.join()

    assert [snapshot.keys.access_key for snapshot in (ours, *seen)] == ["new", "new"]
    assert all(snapshot.end is not None and snapshot.end > datetime.now(UTC) + 5 * HOUR for snapshot in (ours, *seen))


def test_a_session_that_does_not_say_its_end_is_trusted_until_the_same_moment_for_a_while() -> None:
    now = DAWN
    credentials = Credentials("ASIAEXAMPLE", "made-up", "a-session-token")
    signing = SigningCredentials(
        credentials, now=lambda: now, session_lifetime=15 * 60 * SECOND, window=5 * 60 * SECOND
    )
    first = signing.snapshot().end

    now = DAWN + 89 * SECOND
    assert signing.snapshot().end == first == DAWN + 15 * 60 * SECOND
    now = DAWN + 90 * SECOND
    assert signing.snapshot().end == now + 15 * 60 * SECOND


def test_a_snapshot_does_not_show_its_keys() -> None:
    assert "made-up" not in repr(Snapshot(KEYS, None))
