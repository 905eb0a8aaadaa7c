"""`mayfly-storage` as an operator meets it: what it prints, how it stops, and how it refuses to start."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc.aio
import pytest
from grpc import StatusCode
from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import storage_service_pb2 as pb
from mayfly.storage.v1.storage_service_pb2_grpc import StorageServiceStub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

FREE = {
    "MAYFLY_STORAGE_LISTEN": "127.0.0.1:0",
    "MAYFLY_STORAGE_RETENTION_LISTEN": "127.0.0.1:0",
    "MAYFLY_STORAGE_LINKS_LISTEN": "127.0.0.1:0",
}
EMULATED = {
    "MAYFLY_STORAGE_BACKEND": "aws",
    "MAYFLY_STORAGE_BUCKET": "b",
    "MAYFLY_STORAGE_REGION": "us-east-1",
    "MAYFLY_STORAGE_PRIVACY_SECRET": "0123456789abcdef0123456789abcdef",
    "MAYFLY_STORAGE_AWS_ATTEMPTS": "1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str


def environment(folder: Path, changes: dict[str, str]) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAYFLY_", "AWS_", "S3_"))}  # noqa: TID251 - a child inherits it
    return clean | FREE | {"MAYFLY_STORAGE_DATA_DIR": str(folder / "data")} | changes


async def start(folder: Path, *arguments: str, **changes: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mayfly_storage",
        *arguments,
        env=environment(folder, changes),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(folder: Path, *arguments: str, **changes: str) -> Ended:
    process = await start(folder, *arguments, **changes)
    out, err = await asyncio.wait_for(process.communicate(), timeout=60)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def serving(folder: Path, **changes: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A process that serves, and what it printed until then."""
    process = await start(folder, **changes)
    assert process.stderr is not None
    said = ""
    try:
        async with asyncio.timeout(60):
            while "Try it:" not in said and '"storage.serving"' not in said:
                line = await process.stderr.readline()
                assert line, f"it ended: {said}"
                said += line.decode()
        yield process, said
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_it_says_what_it_is_and_ends_well_on_sigterm(tmp_path: Path) -> None:
    async with serving(tmp_path) as (process, said):
        found = re.search(r"Try it: MAYFLY_STORAGE_TARGET=(\S+) mayfly info", said)
        assert found
        async with grpc.aio.insecure_channel(found[1]) as channel:
            info = await StorageServiceStub(channel).GetStorageInfo(pb.GetStorageInfoRequest())
        process.send_signal(signal.SIGTERM)
        _, rest = await asyncio.wait_for(process.communicate(), timeout=30)

    assert info.backend == "embedded"
    assert re.search(r"\* MAYFLY_STORAGE_DATA_DIR +\S+/data", said)
    assert "Mayfly storage, backend embedded" in said
    assert "RetentionService" in said
    assert process.returncode == 0, rest.decode()


async def test_a_call_that_runs_at_sigterm_is_carried_to_its_end(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[pb.UploadAudioRequest]:
        audio = audio_pb2.NewAudio(collection="temp-audio", content_type="audio/wav")
        header = pb.UploadAudioHeader(request_id="0b1f2c3d-0000-4000-8000-000000000000", audio=audio)
        yield pb.UploadAudioRequest(header=header)
        yield pb.UploadAudioRequest(chunk=b"first")
        begun.set()
        await go_on.wait()
        yield pb.UploadAudioRequest(chunk=b" and last")
        yield pb.UploadAudioRequest(footer=pb.UploadAudioFooter(size_bytes=len(b"first and last")))

    async with serving(tmp_path) as (process, said):
        found = re.search(r"MAYFLY_STORAGE_TARGET=(\S+)", said)
        assert found
        assert process.stderr is not None
        async with grpc.aio.insecure_channel(found[1]) as channel:
            storage = StorageServiceStub(channel)
            call = storage.UploadAudio(slowly())
            await begun.wait()
            # What comes later upon the same connection is answered: so the call has arrived.
            await storage.GetStorageInfo(pb.GetStorageInfoRequest())
            process.send_signal(signal.SIGTERM)
            while b"draining" not in await process.stderr.readline():
                pass
            go_on.set()
            answer = await call
            assert await call.code() is StatusCode.OK
        await asyncio.wait_for(process.communicate(), timeout=30)

    assert answer.audio.size_bytes == len(b"first and last")
    assert process.returncode == 0


async def test_for_collectors_it_only_writes_lines_of_json(tmp_path: Path) -> None:
    async with serving(tmp_path, MAYFLY_STORAGE_LOG_FORMAT="json") as (_, said):
        lines = said.splitlines()

    assert all(line.startswith("{") and line.endswith("}") for line in lines)
    assert '"backend": "embedded"' in lines[-1]


async def test_config_prints_the_settings_and_no_secret(tmp_path: Path) -> None:
    secret = "0123456789abcdef0123456789abcdef"

    ended = await run(tmp_path, "config", MAYFLY_STORAGE_LINK_SECRET=secret, S3_BUCKET_NAME="old-name")

    assert ended.code == 0
    assert re.search(r"\* MAYFLY_STORAGE_LINK_SECRET +\*{8}", ended.out)
    assert re.search(r"\* MAYFLY_STORAGE_BUCKET +old-name", ended.out)
    assert secret not in ended.out + ended.err


async def test_the_embedded_backend_needs_no_provisioning(tmp_path: Path) -> None:
    ended = await run(tmp_path, "provision")

    assert (ended.code, ended.out) == (0, "Nothing to do: everything is as it should be.\n")


async def test_help_names_the_commands(tmp_path: Path) -> None:
    ended = await run(tmp_path, "--help")

    assert ended.code == 0
    assert all(command in ended.out for command in ("serve", "provision", "config"))


def assert_refused(ended: Ended, *expected: str) -> None:
    """One clear message, exit code 2, no traceback."""
    assert ended.code == 2, ended.err
    assert "Traceback" not in ended.err
    assert "mayfly-storage could not" in ended.err
    for text in expected:
        assert text in ended.err


async def test_wrong_settings_are_told_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "collections.toml").write_text("[a]\nkeys = []")

    ended = await run(
        tmp_path,
        MAYFLY_STORAGE_BACKEND="gcs",
        MAYFLY_STORAGE_LISTEN="nowhere",
        MAYFLY_STORAGE_COLLECTIONS_FILE=str(tmp_path / "collections.toml"),
        MAYFLY_STORAGE_LINK_SECRET="too short",
    )

    assert_refused(
        ended, "4 problems", "MAYFLY_STORAGE_BACKEND", "MAYFLY_STORAGE_LISTEN", "collection 'a'", "at least 32 bytes"
    )
    assert "too short" not in ended.err


async def test_contradictory_periods_are_told(tmp_path: Path) -> None:
    assert_refused(await run(tmp_path, MAYFLY_STORAGE_ORPHAN_GRACE="1m"), "orphan_grace (0:01:00) must be longer")


@pytest.mark.parametrize("variable", ["LISTEN", "RETENTION_LISTEN", "LINKS_LISTEN"])
async def test_a_port_that_is_taken_is_told(tmp_path: Path, variable: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        address = f"127.0.0.1:{holder.getsockname()[1]}"

        assert_refused(await run(tmp_path, **{f"MAYFLY_STORAGE_{variable}": address}), f"{address} is in use")


async def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")

    assert_refused(await run(tmp_path), str(tmp_path / "data"), "it is a file")


async def test_a_data_folder_that_another_process_holds_is_told(tmp_path: Path) -> None:
    async with serving(tmp_path) as (process, _):
        assert_refused(await run(tmp_path), f"another process (pid {process.pid}) uses it")


async def test_a_secret_that_was_cut_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/privacy.key").write_bytes(b"x")

    assert_refused(await run(tmp_path), "privacy.key has 1 bytes instead of 32", "MAYFLY_STORAGE_DATA_DIR")


async def test_a_callers_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "callers.toml").write_text("callers = 5")

    ended = await run(tmp_path, MAYFLY_STORAGE_CALLERS_FILE=str(tmp_path / "callers.toml"))

    assert_refused(ended, "callers.toml cannot be used")


async def test_serving_others_without_callers_is_refused(tmp_path: Path) -> None:
    assert_refused(await run(tmp_path, MAYFLY_STORAGE_LISTEN="0.0.0.0:0"), "without callers")


async def test_aws_without_bucket_and_region_is_told(tmp_path: Path) -> None:
    ended = await run(tmp_path, MAYFLY_STORAGE_BACKEND="aws")

    assert_refused(ended, "MAYFLY_STORAGE_BUCKET", "MAYFLY_STORAGE_REGION", "MAYFLY_STORAGE_PRIVACY_SECRET")


@pytest.mark.parametrize("command", ["serve", "provision"])
async def test_aws_that_does_not_answer_is_told(tmp_path: Path, command: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, and nobody listens
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"

        ended = await run(tmp_path, command, **EMULATED, MAYFLY_STORAGE_ENDPOINT_URL=url)

    assert_refused(ended, "does not answer")
