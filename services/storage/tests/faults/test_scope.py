"""R29: whatever is chosen as a name or as a part of a key, nothing leaves its place, and nobody learns of others."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from mayfly_runtime.testing import FakeClock
from mayfly_storage.backends.embedded.backend import open_embedded
from mayfly_storage.backends.embedded.options import EmbeddedOptions, LinkServerOptions
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.audio import AudioName
from mayfly_storage.domain.errors import (
    AudioNotFoundError,
    BackendMisconfiguredError,
    InvalidAudioError,
    ObjectKeyTakenError,
    StorageError,
    UploadFencedError,
)
from mayfly_storage.domain.keys import normalize_component
from mayfly_storage.domain.ports import AudioFilter
from mayfly_storage.domain.timing import Timing
from mayfly_storage.domain.uploads import NewAudio, Subject, UploadRequest
from mayfly_storage.testing import DAWN, SOUND, an_audio
from mayfly_storage.testing.worlds import a_world
from mayfly_storage.usecases.assembly import StorageUseCases, World

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    Cases = Callable[[int], range]

COLLECTIONS = read_collections()
PIECES = (
    *(
        "..",
        ".",
        "/",
        "\\",
        "%2e",
        "%2f",
        "%00",
        "\0",
        "\n",
        "\r",
        " ",
        "a",
        "B",
        "ü",
        "e\N{COMBINING ACUTE ACCENT}",
        "~",
    ),
    *(
        "\N{FULLWIDTH FULL STOP}",
        "\N{FULLWIDTH SOLIDUS}",
        "\N{FRACTION SLASH}",
        "\N{ONE DOT LEADER}",
        "\ud800",
        "\ufeff",
    ),
    *("\N{RIGHT-TO-LEFT OVERRIDE}", "\N{ZERO WIDTH JOINER}", "\N{ANGSTROM SIGN}", "\u2025", "\u2215", "\U0001f50a"),
    *(
        "users",
        "u2",
        "recordings",
        "audio.wav",
        "temp-audio",
        "audio",
        "segment_001",
        "?",
        "#",
        "&",
        "*",
        "-",
        "$(x)",
        "'",
    ),
)
FIELDS = {
    "recordings": ("recording_id",),
    "speech-sessions": ("session_id", "index"),
    "pitches": ("pitch_id", "filename"),
    "processing": ("project_id", "pitch_id", "filename"),
    "debug": ("kind", "request_id"),
}


def a_text(chance: random.Random) -> str:
    return "".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 6)))


def a_wish(chance: random.Random) -> UploadRequest:
    collection = chance.choice(list(FIELDS))
    fields = {name: chance.choice([a_text(chance), str(chance.randrange(1_000)), "x"]) for name in FIELDS[collection]}
    return UploadRequest(
        caller="synth",
        request_id=str(uuid4()),
        audio=NewAudio(
            collection=collection,
            content_type="audio/wav",
            key_fields=fields,
            subject=Subject(user_id=chance.choice(["u1", a_text(chance)])),
        ),
        size_bytes=len(SOUND),
        sha256=b"s" * 32,
    )


def normalized(wish: UploadRequest) -> UploadRequest | None:
    """As the transport hands it on; None for what it refuses."""
    try:
        fields = {name: normalize_component(value) for name, value in wish.audio.key_fields.items()}
        subject = Subject(user_id=normalize_component(wish.audio.subject.user_id if wish.audio.subject else ""))
    except ValueError:
        return None
    return replace(wish, audio=replace(wish.audio, key_fields=fields, subject=subject))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[StorageUseCases, World, Path]]:
    clock, folder = FakeClock(DAWN), tmp_path / "data"
    options = EmbeddedOptions(data_dir=folder, links=LinkServerOptions(listen="127.0.0.1:0"))
    async with open_embedded(options, timing=Timing(), now=clock.now) as backend:
        world = a_world(backend, clock.now, collections=COLLECTIONS)
        yield StorageUseCases.over(world), world, folder


async def test_no_field_leaves_its_place_in_a_key(
    site: tuple[StorageUseCases, World, Path], chance: random.Random, cases: Cases
) -> None:
    storage, _, folder = site
    accepted = 0
    for _ in cases(300):
        wish = normalized(a_wish(chance))
        if wish is None:
            continue
        try:
            audio, _grant = await storage.create_upload(wish)
        except (InvalidAudioError, ObjectKeyTakenError):
            continue
        accepted += 1
        collection = COLLECTIONS.get(wish.audio.collection)
        fields = collection.parse_key(audio.object_key)
        assert fields is not None, audio.object_key
        assert {name: fields[name] for name in wish.audio.key_fields if name in {"recording_id", "pitch_id"}} == {
            name: value for name, value in wish.audio.key_fields.items() if name in {"recording_id", "pitch_id"}
        }
        assert audio.object_key.count("/") in {template.text.count("/") for template in collection.key_templates}
        assert not {"", ".", ".."} & set(audio.object_key.split("/"))
        assert unicodedata.is_normalized("NFC", audio.object_key)
        assert COLLECTIONS.of_key(audio.object_key) is not None
    assert accepted > 20
    assert {path.name for path in folder.parent.iterdir()} <= {folder.name}


async def test_no_key_is_a_path_out_of_the_folder(
    site: tuple[StorageUseCases, World, Path], chance: random.Random, tmp_path: Path, cases: Cases
) -> None:
    """The second fence: keys that no template made, such as those of a table that others write to."""
    _, world, folder = site
    blobs = world.backend.stores.first.blobs
    secret = tmp_path / "secret"
    secret.write_bytes(b"not for you")
    (folder / "objects" / "out").symlink_to(tmp_path)
    for _ in cases(300):
        key = "/".join(chance.choice([*PIECES, "out", "secret", str(secret)]) for _ in range(chance.randrange(1, 6)))
        try:
            found = await blobs.read(key, offset=0, length=100)
            assert await blobs.present([key]) == set()
        except (UnicodeEncodeError, BackendMisconfiguredError):  # half a character; a symbolic link, which is told
            continue
        assert found in {None, b""}
    assert secret.read_bytes() == b"not for you"


async def test_no_name_finds_what_it_does_not_name(
    site: tuple[StorageUseCases, World, Path], chance: random.Random, cases: Cases
) -> None:
    """Wrong names are told from missing audio; audio of others is told as missing, and never as forbidden."""
    storage, world, _ = site
    kept = an_audio()
    await world.backend.catalog.reserve(kept, None)
    await world.backend.catalog.make_ready(kept.ready(etag="tag"))
    for _ in cases(300):
        text = _mutated(str(kept.name), chance)
        if text == str(kept.name):
            continue
        try:
            name = AudioName.parse(text)
        except ValueError:
            continue
        outcomes = [await _outcome(call, name) for call in _calls(storage)]
        assert set(outcomes) <= {AudioNotFoundError, None}, text
    assert (await storage.get_audio(kept.name)).name == kept.name


async def test_a_strangers_attempt_is_of_no_use(
    site: tuple[StorageUseCases, World, Path], chance: random.Random
) -> None:
    storage, world, _ = site
    kept = an_audio()
    await world.backend.catalog.reserve(kept, None)

    for _ in range(200):
        with pytest.raises(UploadFencedError):
            await storage.commit_upload(kept.name, _mutated(kept.attempt, chance) + "x")


async def test_no_prefix_and_no_session_lists_more_than_begins_with_it(
    site: tuple[StorageUseCases, World, Path], chance: random.Random, cases: Cases
) -> None:
    _, world, _ = site
    audios = [an_audio(object_key=f"users/u{n}/recordings/r/audio.wav", claims_key=True) for n in range(3)]
    for audio in audios:
        await world.backend.catalog.reserve(audio, None)
    for _ in cases(100):
        prefix = chance.choice(["users/u1", "users/", "%", "_", "users/u_/", "*", "[a-z]", a_text(chance)])
        if any("\ud800" <= character < "\ue000" for character in prefix):
            continue
        page = await world.backend.catalog.list_audio(AudioFilter(object_key_prefix=prefix), limit=10)
        assert {audio.name for audio in page.items} == {a.name for a in audios if a.object_key.startswith(prefix)}


def _calls(storage: StorageUseCases) -> list[Callable[[AudioName], Any]]:
    return [
        storage.get_audio,
        storage.delete_audio,
        lambda name: storage.commit_upload(name, "attempt"),
        lambda name: storage.abandon_upload(name, "attempt"),
    ]


async def _outcome(call: Callable[[AudioName], Any], name: AudioName) -> type[StorageError] | None:
    try:
        await call(name)
    except StorageError as error:
        return type(error)
    return None


def _mutated(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    return text[:place] + chance.choice(["0", "a", "f", "F", "-", "", "/", "..", "%2e", "\0", "٣"]) + text[place + 1 :]
