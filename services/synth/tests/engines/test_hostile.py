"""Files that name other files and addresses: nothing else is opened, and nobody is called.

What is referred to is watched by the kernel (inotify); what could be called listens. Every file goes through the
system's ffmpeg and through the one of the wheel. What listens has an address of the loopback network that nobody else
knows: on 127.0.0.1, a stranger that looks for a server which had the port before would be taken for one that was lured.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg
import pytest

from mayfly_synth.domain.processing import Steps
from mayfly_synth.domain.processing_errors import ProcessingError
from mayfly_synth.testing_processing import SOUND, box, converted, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mayfly_synth.engines.processing import FfmpegProcessor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")

WHEEL = Path(imageio_ffmpeg.get_ffmpeg_exe())
_IN_OPEN = 0x20


@dataclass(frozen=True, slots=True)
class Trap:
    """A file and an address that nobody has any business with."""

    file: Path
    host: str
    port: int
    _inotify: int
    _listener: socket.socket

    def sprung(self) -> list[str]:
        """Who was lured."""
        lured = []
        with suppress(BlockingIOError):
            lured += [f"{len(os.read(self._inotify, 65_536))} bytes of events: the file was opened"]
        with suppress(BlockingIOError):
            connection, caller = self._listener.accept()
            connection.close()
            lured += [f"a connection from {caller}"]
        return lured


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Trap]:
    file = tmp_path / "canary.wav"
    file.write_bytes(SOUND)
    libc = ctypes.CDLL(None, use_errno=True)
    inotify = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(inotify, os.fsencode(file), _IN_OPEN) > 0
    host = f"127.{1 + secrets.randbelow(254)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
    with socket.create_server((host, 0)) as listener:
        listener.setblocking(False)  # noqa: FBT003 - socket's own way
        yield Trap(file, host, listener.getsockname()[1], inotify, listener)
    os.close(inotify)


@pytest.mark.parametrize("program", [None, WHEEL], ids=["in general", "by ffmpeg"])
def test_the_trap_is_sprung_by_what_it_is_for(trap: Trap, program: Path | None) -> None:
    trap.file.read_bytes()
    connect(trap, program)

    assert len(trap.sprung()) == 2


def connect(trap: Trap, program: Path | None) -> None:
    """Connect to what listens, from another process: this one is kept to 127.0.0.1."""
    if program is None:
        script = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2]))).close()"
        command = [sys.executable, "-c", script, trap.host, str(trap.port)]
        subprocess.run(command, check=True, timeout=60)
        return
    # Nobody answers, so ffmpeg gives up by itself; it is a second then.
    command = [str(program), "-rw_timeout", "1000000", "-i", f"http://{trap.host}:{trap.port}/a.wav"]
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode


def test_the_trap_is_not_sprung_by_a_stranger(trap: Trap) -> None:
    with suppress(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", trap.port)).close()

    assert trap.sprung() == []


# Scripts: playlists, manifests and everything else that names other files.


def references(trap: Trap) -> list[str]:
    file, call = str(trap.file), f"http://{trap.host}:{trap.port}/a.wav"
    manifest = (
        f'<?xml version="1.0"?><MPD type="static"><Period><AdaptationSet mimeType="audio/wav"><Representation><BaseURL>'
        f'{file}</BaseURL><SegmentList><SegmentURL media="{call}"/></SegmentList></Representation></AdaptationSet>'
        "</Period></MPD>"
    )
    return [
        manifest,
        f"#EXTM3U\n#EXTINF:1,\nfile://{file}\n#EXTINF:1,\n{call}\n#EXT-X-ENDLIST\n",
        f"\ufeff#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nconcat:{call}|{file}\n#EXT-X-ENDLIST\n",
        f'  \n#EXTM3U\n#EXT-X-MAP:URI="{file}"\n#EXTINF:1,\n{call}\n#EXT-X-ENDLIST\n',
        f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{call}"\n#EXTINF:1,\n{file}\n#EXT-X-ENDLIST\n',
        f"#EXTM3U\n#EXTINF:1,\nsubfile,,start,0,end,64,,:{file}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{file}'\n",
        f"ffconcat version 1.0\nfile 'file:{file}'\nfile '{call}'\n",
        f"<MPD><Period><BaseURL>{call}</BaseURL></Period></MPD>",
        f"[playlist]\nFile1={file}\nFile2={call}\nNumberOfEntries=2\n",
        f"v=0\no=- 0 0 IN IP4 {trap.host}\nc=IN IP4 {trap.host}\nt=0 0\nm=audio {trap.port} RTP/AVP 0\n",
        f'<smil><body><audio src="{call}"/><audio src="{file}"/></body></smil>',
        f'<asx version="3.0"><entry><ref href="{call}"/></entry></asx>',
        f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{call}"/></svg>',
        f'FILE "{file}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
        f";FFMETADATA1\ntitle={file}\n",
        f"{file}\n{call}\n",
    ]


DISGUISES: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda script: script,
    "in WAV": lambda script: b"RIFF" + struct.pack("<I", len(script) + 4) + b"WAVE" + script,
    "in WAV with a head": lambda script: SOUND[:44] + script,
    "after an ID3 tag": lambda script: b"ID3\x04\0\0\0\0\0\0" + script,
    "after an MP3 frame": lambda script: b"\xff\xfb\x90\x64" + bytes(413) + script,
    "in MP4": lambda script: box(b"ftyp", b"M4A \0\0\0\0M4A ") + box(b"moov", script) + box(b"mdat", script),
    "in FLAC": lambda script: b"fLaC" + script,
    "in Ogg": lambda script: b"OggS\0\x02" + bytes(20) + b"\x01\xff" + script,
    "in WebM": lambda script: b"\x1a\x45\xdf\xa3\x8f\x42\x82\x84webm\x42\x87\x81\x02" + script,
    "in CAF": lambda script: b"caff\0\x01\0\0desc" + struct.pack(">Q", 32) + script,
    "in AIFF": lambda script: b"FORM" + struct.pack(">I", len(script) + 4) + b"AIFF" + script,
}


@pytest.mark.parametrize("disguise", DISGUISES)
async def test_a_script_makes_nobody_open_what_it_names(processor: FfmpegProcessor, trap: Trap, disguise: str) -> None:
    for script in references(trap):
        # After the head of a WAV, a script is heard: as noise.
        with suppress(ProcessingError):
            await processor.process(pieces(DISGUISES[disguise](script.encode())), Steps())

    assert trap.sprung() == []


def with_external_samples(whole: bytes, trap: Trap) -> dict[str, bytes]:
    """MP4 whose track says that its samples are elsewhere."""
    at = whole.index(b"dref") - 4
    size = struct.unpack_from(">I", whole, at)[0]
    call = f"http://{trap.host}:{trap.port}/a.m4a".encode() + b"\0"
    path = str(trap.file).encode()
    alias = bytes(2) + struct.pack(">HH", 150, 2) + bytes(144) + struct.pack(">hH", 2, len(path)) + path
    alias += bytes(len(path) % 2) + struct.pack(">hH", -1, 0)
    told = {
        "url to a file": box(b"url ", bytes(4) + b"file://" + path + b"\0"),
        "url to a server": box(b"url ", bytes(4) + call),
        "urn": box(b"urn ", bytes(4) + path + b"\0" + call),
        "alias": box(b"alis", bytes(4) + alias),
        "resource": box(b"rsrc", bytes(4) + alias),
    }
    reference = box(b"rmra", box(b"rmda", box(b"rdrf", bytes(4) + b"url " + struct.pack(">I", len(call)) + call)))
    files = {"reference movie": box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", reference)}
    for name, entry in told.items():
        # As long as the original, so that no other size and offset changes; what does not fit moves behind the index.
        table = box(b"dref", bytes(4) + struct.pack(">I", 1) + entry)
        files[name] = whole[:at] + table[:size].ljust(size, b"\0") + whole[at + size :]
        files[f"{name}, grown"] = _grown(whole, at, table, size)
    return files


def _grown(whole: bytes, at: int, table: bytes, size: int) -> bytes:
    """The table in full; the boxes around it say so. The index stands last, so no sample moves."""
    more, data = len(table) - size, bytearray(whole)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        place = whole.index(kind) - 4
        struct.pack_into(">I", data, place, struct.unpack_from(">I", whole, place)[0] + more)
    return bytes(data[:at]) + table + bytes(data[at + size :])


async def test_samples_in_another_file_are_not_fetched(processor: FfmpegProcessor, trap: Trap, tmp_path: Path) -> None:
    whole = converted(WHEEL, SOUND, "-c:a", "aac", "-f", "ipod", folder=tmp_path)

    for data in with_external_samples(whole, trap).values():
        with suppress(ProcessingError):
            await processor.process(pieces(data), Steps())

    assert trap.sprung() == []
