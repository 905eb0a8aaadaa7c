"""Fetch a public Piper voice into the voices folder, and check every byte of it.

    python tools/fetch_voice.py en_US-lessac-medium
    python tools/fetch_voice.py --list en

The voices are those of https://huggingface.co/rhasspy/piper-voices; each has its licence in its MODEL_CARD, which is
fetched, too. Size and MD5 of each file are those of the collection's index: they show that nothing was damaged on the
way. Who is to be trusted is decided by the address (`--from`), which is HTTPS.

Nothing half-fetched is ever in the folder under a voice's name: files get it when they are complete. Needs nothing but
Python. Exit codes: 0 fetched (or already there), 1 not.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import http.client
import json
import re
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT_BASE = "https://huggingface.co/rhasspy/piper-voices/resolve/main"
DEFAULT_FOLDER = Path(__file__).resolve().parent.parent / "voices"
_TIMEOUT_SECONDS = 30
_PIECE_BYTES = 256 * 1024
# The index has some 300 KB, the largest voice some 120 MB.
_MAX_INDEX_BYTES = 16 * 1024 * 1024
_MAX_FILE_BYTES = 1024 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


class FetchError(Exception):
    """The voice was not fetched; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class VoiceFile:
    """One file of a voice, as the index describes it."""

    path: str
    """Below the base address."""
    size: int
    """Unit: bytes."""
    md5: str

    def target(self, folder: Path, voice: str) -> Path:
        """Where the file goes. Its name is the index's, and must be one of the three that a voice has."""
        name = self.path.rpartition("/")[2]
        if name == "MODEL_CARD":
            return folder / f"{voice}.MODEL_CARD"
        if name not in (f"{voice}.onnx", f"{voice}.onnx.json"):
            raise FetchError(f"The index lists the unexpected file {name!r} for {voice}; nothing was fetched.")
        return folder / name


def main(arguments: list[str] | None = None) -> int:
    """Run the command; answer its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice", help="name of the voice, e.g. en_US-lessac-medium; with --list the start of names")
    parser.add_argument("--list", action="store_true", help="only list the names that begin like that")
    parser.add_argument("--to", type=Path, default=DEFAULT_FOLDER, metavar="FOLDER", help="default: %(default)s")
    parser.add_argument("--from", dest="base", default=DEFAULT_BASE, metavar="URL", help="default: %(default)s")
    asked = parser.parse_args(arguments)
    try:
        index = read_index(asked.base.rstrip("/"))
        if asked.list:
            print("\n".join(sorted(name for name in index if name.startswith(asked.voice))))
        else:
            fetch(asked.voice, index=index, base=asked.base.rstrip("/"), folder=asked.to)
    except FetchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def read_index(base: str) -> Mapping[str, Any]:
    """The collection's index: name of a voice to its description.

    Raises:
        FetchError: If it cannot be had, or is none.
    """
    with _opened(f"{base}/voices.json") as response:
        body = response.read(_MAX_INDEX_BYTES + 1)
    try:
        index = json.loads(body)
    except ValueError as error:
        raise FetchError(f"{base}/voices.json is no JSON, and so no index of Piper voices.") from error
    if not isinstance(index, dict):
        raise FetchError(f"{base}/voices.json is no index of Piper voices.")
    return index


def fetch(voice: str, *, index: Mapping[str, Any], base: str, folder: Path) -> None:
    """Fetch the files of a voice that are not there yet.

    Raises:
        FetchError: If there is no such voice, or a file cannot be had or is not what the index says.
    """
    files = [(file, file.target(folder, voice)) for file in _files_of(voice, index)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, target in files:
            if target.exists() and _md5(target) == file.md5:
                print(f"{target.name} is there already.")
            else:
                _fetch_file(f"{base}/{file.path}", file, target)
    except OSError as error:
        raise FetchError(f"{folder} cannot be written: {error}") from error
    print(f"{voice} is in {folder}. Its licence is in {voice}.MODEL_CARD. Restart synth to load it.")


def _files_of(voice: str, index: Mapping[str, Any]) -> list[VoiceFile]:
    if voice not in index or not _NAME.fullmatch(voice):
        near = difflib.get_close_matches(voice, index, n=5, cutoff=0.5)
        hint = f"Did you mean {', '.join(near)}?" if near else "List them: python tools/fetch_voice.py --list en"
        raise FetchError(f"There is no voice {voice!r}. {hint}")
    try:
        files = [
            VoiceFile(path, int(told["size_bytes"]), str(told["md5_digest"]))
            for path, told in index[voice]["files"].items()
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FetchError(f"The index does not describe the files of {voice} as expected: {error!r}") from error
    # The description last: a model without it is not taken for a voice, should this be interrupted in between.
    return sorted(files, key=lambda file: file.path.endswith(".json"))


def _fetch_file(url: str, file: VoiceFile, target: Path) -> None:
    """Into a temporary file beside the target, checked, and then under its name at once."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as unfinished:
        path = Path(unfinished.name)
        try:
            digest = hashlib.md5(usedforsecurity=False)
            with _opened(url) as response:
                for piece in _pieces(response, target.name, file.size):
                    digest.update(piece)
                    unfinished.write(piece)
            if digest.hexdigest() != file.md5:
                raise FetchError(
                    f"{target.name} is damaged: its MD5 is {digest.hexdigest()} instead of {file.md5}. Try again."
                )
            unfinished.close()
            path.chmod(0o644)
            path.replace(target)
        finally:
            path.unlink(missing_ok=True)


def _pieces(response: BinaryIO, name: str, size: int) -> Iterator[bytes]:
    """The body, with progress, and exactly as long as it should be."""
    if size > _MAX_FILE_BYTES:
        raise FetchError(f"{name} would have {size:,} bytes, more than any voice has; nothing was fetched.")
    got = 0
    while piece := response.read(_PIECE_BYTES):
        got += len(piece)
        if got > size:
            break
        _show(name, got, size)
        yield piece
    _end_line()
    if got != size:
        told = "more" if got > size else f"{got:,}"
        raise FetchError(f"{name} is incomplete or changed: {told} bytes came instead of {size:,}. Try again.")


@contextmanager
def _opened(url: str) -> Iterator[BinaryIO]:
    """A response. What goes wrong, now or while it is read, is told as `FetchError`."""
    if not url.startswith(("https://", "http://")):
        raise FetchError(f"{url} is no HTTP address.")
    request = urllib.request.Request(url, headers={"User-Agent": "mayfly-fetch-voice"})  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - checked above
            yield response
    except urllib.error.HTTPError as error:
        with error:
            raise FetchError(f"{url} answered {error.code} {error.reason}.") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise FetchError(
            f"{url} cannot be reached ({reason}). Without the internet, use the voice that ships with Mayfly, or fetch "
            "the files on another machine and copy them: NAME.onnx and NAME.onnx.json."
        ) from error


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _show(name: str, got: int, size: int) -> None:
    if sys.stderr.isatty():
        share = got * 100 // max(size, 1)
        print(f"\r{name}: {got / 1e6:.1f} of {size / 1e6:.1f} MB ({share} %)", end="", file=sys.stderr)


def _end_line() -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
