"""tools/fetch_voice.py against a collection of voices on this machine."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_synth.testing import load_voices

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOL = Path(__file__).parents[4] / "tools" / "fetch_voice.py"
NAME = "en_US-mayfly-low"
BELOW = "en/en_US/mayfly/low"


class Collection:
    """Piper's layout of a collection, served over HTTP."""

    def __init__(self, root: Path, voices_dir: Path) -> None:
        self.root = root
        self.folder = root / BELOW
        self.folder.mkdir(parents=True)
        for suffix in (".onnx", ".onnx.json"):
            shutil.copy(voices_dir / f"{NAME}{suffix}", self.folder)
        (self.folder / "MODEL_CARD").write_text("Licence: free.")
        self.index = {NAME: {"files": {f"{BELOW}/{path.name}": facts(path) for path in sorted(self.folder.iterdir())}}}
        self.base = ""

    def publish(self) -> None:
        (self.root / "voices.json").write_text(json.dumps(self.index))

    def files(self) -> dict[str, dict[str, Any]]:
        return self.index[NAME]["files"]


def facts(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"size_bytes": len(data), "md5_digest": hashlib.md5(data, usedforsecurity=False).hexdigest()}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collection(tmp_path: Path, voices_dir: Path) -> Iterator[Collection]:
    served = Collection(tmp_path / "served", voices_dir)
    served.publish()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served.root))) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        served.base = f"http://127.0.0.1:{server.server_port}"
        yield served
        server.shutdown()
        serving.join()


def fetch(folder: Path, base: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, TOOL, "--to", folder, "--from", base, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_voice_is_fetched_and_speaks(collection: Collection, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "voices"

    done = fetch(folder, collection.base, NAME)

    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == {f"{NAME}.onnx", f"{NAME}.onnx.json", f"{NAME}.MODEL_CARD"}
    assert [loaded.voice.name for loaded in load_voices(folder)] == [NAME]
    assert "licence" in done.stdout


def test_what_is_there_is_not_fetched_again(collection: Collection, tmp_path: Path) -> None:
    fetch(tmp_path / "voices", collection.base, NAME)
    shutil.rmtree(collection.folder)

    done = fetch(tmp_path / "voices", collection.base, NAME)

    assert done.returncode == 0
    assert done.stdout.count("is there already") == 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: bytes([data[0] ^ 1]) + data[1:], "is damaged"),
        (lambda data: data[:-1], "is incomplete"),
        (lambda data: data + b"x", "more bytes came"),
    ],
    ids=["a flipped bit", "truncated", "longer"],
)
def test_a_file_that_is_not_what_the_index_says_is_not_kept(
    collection: Collection, tmp_path: Path, change: Any, told: str
) -> None:
    model = collection.folder / f"{NAME}.onnx"
    model.write_bytes(change(model.read_bytes()))

    done = fetch(tmp_path / "voices", collection.base, NAME)

    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "voices").iterdir() if "onnx" in path.name] == []


def test_an_unknown_voice_is_told_with_near_names(collection: Collection, tmp_path: Path) -> None:
    done = fetch(tmp_path / "voices", collection.base, "en_US-mayfly-lo")

    assert done.returncode == 1
    assert f"Did you mean {NAME}?" in done.stderr
    assert not (tmp_path / "voices").exists()


def test_names_are_listed(collection: Collection, tmp_path: Path) -> None:
    assert fetch(tmp_path, collection.base, "--list", "en").stdout == f"{NAME}\n"
    assert fetch(tmp_path, collection.base, "--list", "de").stdout == "\n"


def test_without_a_connection_it_says_what_else_can_be_done(tmp_path: Path) -> None:
    # Nothing listens on the port of "discard".
    done = fetch(tmp_path / "voices", "http://127.0.0.1:9", NAME)

    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert "ships with Mayfly" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("index", ["no json", "[]", '{"en_US-mayfly-low": {"files": [1]}}', '{"en_US-mayfly-low": 3}'])
def test_an_index_that_is_none_is_told(collection: Collection, tmp_path: Path, index: str) -> None:
    (collection.root / "voices.json").write_text(index)

    done = fetch(tmp_path / "voices", collection.base, NAME)

    assert done.returncode == 1
    assert "index" in done.stderr.lower()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("path", ["../../evil.onnx", f"{BELOW}/other.onnx", ".."])
def test_an_index_cannot_write_elsewhere(collection: Collection, tmp_path: Path, path: str) -> None:
    collection.files()[path] = {"size_bytes": 1, "md5_digest": ""}
    collection.publish()

    done = fetch(tmp_path / "voices", collection.base, NAME)

    assert done.returncode == 1
    assert "unexpected file" in done.stderr
    assert not (tmp_path / "voices").exists()


def test_a_missing_file_is_told_with_its_address(collection: Collection, tmp_path: Path) -> None:
    (collection.folder / "MODEL_CARD").unlink()

    done = fetch(tmp_path / "voices", collection.base, NAME)

    assert done.returncode == 1
    assert f"{BELOW}/MODEL_CARD answered 404" in done.stderr


def test_other_addresses_than_http_are_refused(tmp_path: Path) -> None:
    done = fetch(tmp_path / "voices", "file:///etc", NAME)

    assert done.returncode == 1
    assert "no HTTP address" in done.stderr
