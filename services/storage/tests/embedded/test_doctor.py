"""The examination of a data folder: each check with a folder that is well, and with one that is not."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.backends.embedded.backend import open_embedded
from mayfly_storage.backends.embedded.doctor.examination import CHECKS, EmbeddedExamination
from mayfly_storage.backends.embedded.options import EmbeddedOptions, LinkServerOptions
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.findings import Finding, Verdict
from mayfly_storage.domain.timing import Timing
from tools.stack.layout import Ports

if TYPE_CHECKING:
    from pathlib import Path

NAMES = tuple(check.name for check in CHECKS)
OTHER_KEY = b"another key, that is long enough to sign with"


def now() -> datetime:
    """The clock of the machine: the round trip goes through a real server."""
    return datetime.now(UTC)


@pytest.fixture
def port() -> int:
    """One that is free, and stays so: while storage runs, the doctor knows its links by their address alone."""
    return Ports.free().links


@pytest.fixture
def options(tmp_path: Path, port: int) -> EmbeddedOptions:
    return EmbeddedOptions(data_dir=tmp_path / "data", links=LinkServerOptions(listen=f"127.0.0.1:{port}"))


@pytest.fixture
async def used(options: EmbeddedOptions) -> EmbeddedOptions:
    """A folder in which storage has run before."""
    async with open_embedded(options, timing=Timing(), now=now):
        pass
    return options


async def examined(options: EmbeddedOptions) -> dict[str, Finding]:
    examination = EmbeddedExamination(options=options, collections=read_collections(), timing=Timing(), now=now)
    return {finding.check: finding async for finding in examination()}


def verdicts(findings: dict[str, Finding]) -> dict[str, Verdict]:
    return {name: finding.verdict for name, finding in findings.items()}


async def test_a_folder_that_storage_has_used_is_well(used: EmbeddedOptions) -> None:
    findings = await examined(used)

    assert verdicts(findings) == dict.fromkeys(NAMES, Verdict.OK)
    assert "HTTP 404 after the delete" in findings["links"].detail


async def test_an_examination_leaves_no_bytes_and_no_rows_of_an_audio(used: EmbeddedOptions) -> None:
    await examined(used)

    with closing(sqlite3.connect(used.data_dir / "catalog.sqlite3")) as connection:
        [rows] = connection.execute("SELECT count(*) FROM audio").fetchone()
    assert rows == 0
    assert [path for path in (used.data_dir / "objects").rglob("*") if path.is_file()] == []


async def test_while_storage_runs_nothing_is_written_and_its_links_are_tried(used: EmbeddedOptions) -> None:
    async with open_embedded(used, timing=Timing(), now=now):
        findings = await examined(used)

    assert verdicts(findings) == dict.fromkeys(NAMES, Verdict.OK) | {"files": Verdict.SKIPPED}
    assert "knows links of ours" in findings["links"].detail
    assert "only looked at" in findings["lock"].detail


async def test_links_signed_with_another_key_than_storage_s_are_found(used: EmbeddedOptions) -> None:
    async with open_embedded(used, timing=Timing(), now=now):
        findings = await examined(replace(used, link_secrets=(OTHER_KEY,)))

    assert (findings["links"].verdict, "does not believe" in findings["links"].detail) == (Verdict.FAILED, True)


async def test_links_that_lead_nowhere_are_found(used: EmbeddedOptions) -> None:
    lost = replace(used, link_base_url="http://127.0.0.1:1")

    apart = await examined(lost)
    async with open_embedded(lost, timing=Timing(), now=now):
        running = await examined(lost)

    assert apart["links"].detail == "PUT: nobody answers at 127.0.0.1:1 (Connection refused)"
    assert running["links"].detail == "nobody answers at 127.0.0.1:1 (Connection refused)"
    assert apart["files"].verdict is Verdict.OK


async def test_a_port_that_somebody_else_has_is_found(used: EmbeddedOptions, port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()

        findings = await examined(used)

    assert (findings["files"].verdict, findings["links"].verdict) == (Verdict.OK, Verdict.FAILED)
    assert str(port) in findings["links"].detail


async def test_a_folder_that_is_not_there_is_not_made(options: EmbeddedOptions) -> None:
    findings = await examined(options)

    assert set(verdicts(findings).values()) == {Verdict.SKIPPED}
    assert not options.data_dir.exists()


async def test_a_file_in_place_of_the_folder_is_found(options: EmbeddedOptions) -> None:
    options.data_dir.write_text("")

    findings = await examined(options)

    assert (findings["folder"].verdict, findings["space"].verdict) == (Verdict.FAILED, Verdict.SKIPPED)


async def test_a_folder_that_others_may_look_into_is_worth_a_word(used: EmbeddedOptions) -> None:
    used.data_dir.chmod(0o755)

    finding = (await examined(used))["folder"]

    assert (finding.verdict, finding.remedy) == (Verdict.WARNING, f"Close it: chmod 700 {used.data_dir}.")


@pytest.mark.parametrize(("share", "verdict"), [(2, Verdict.FAILED), (0.5, Verdict.WARNING)])
async def test_a_disk_with_little_room_is_found(used: EmbeddedOptions, share: float, verdict: Verdict) -> None:
    free = shutil.disk_usage(used.data_dir).free

    findings = await examined(replace(used, headroom_bytes=int(free * share)))

    assert findings["space"].verdict is verdict


async def test_a_catalog_that_is_damaged_is_found_and_left(used: EmbeddedOptions) -> None:
    catalog = used.data_dir / "catalog.sqlite3"
    damaged = bytearray(catalog.read_bytes())
    damaged[4096:] = b"\xff" * (len(damaged) - 4096)
    catalog.write_bytes(damaged)

    findings = await examined(used)

    assert (findings["database"].verdict, findings["files"].verdict) == (Verdict.FAILED, Verdict.SKIPPED)
    assert "restore the file" in findings["database"].remedy
    assert catalog.read_bytes() == damaged


async def test_a_file_that_is_no_catalog_is_found(used: EmbeddedOptions) -> None:
    (used.data_dir / "catalog.sqlite3").write_bytes(b"nothing that SQLite wrote" * 400)

    assert (await examined(used))["database"].verdict is Verdict.FAILED


async def test_a_catalog_of_a_newer_mayfly_is_found(used: EmbeddedOptions) -> None:
    with closing(sqlite3.connect(used.data_dir / "catalog.sqlite3")) as connection:
        connection.execute("PRAGMA user_version = 999")

    finding = (await examined(used))["database"]

    assert (finding.verdict, "version 999" in finding.detail) == (Verdict.FAILED, True)


async def test_an_examination_says_nothing_that_is_secret(used: EmbeddedOptions) -> None:
    said = str(await examined(replace(used, link_secrets=(OTHER_KEY,))))

    for secret in (OTHER_KEY.decode(), (used.data_dir / "link.key").read_text().strip(), "sig="):
        assert secret not in said
