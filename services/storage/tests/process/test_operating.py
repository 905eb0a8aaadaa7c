"""`mayfly-storage provision`, `policy` and `doctor`, as an operator meets them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from mayfly_storage.app import running_storage
from mayfly_storage.config import StorageSettings
from tools.stack.layout import Ports

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "0123456789abcdef0123456789abcdef"
ACCESS_KEY = "AKIAMADEUPKEY"
SECRET_KEY = "made-up-secret-key"


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def aws(aws_url: str) -> dict[str, str]:
    """The environment of an operator with an account."""
    name = f"operated-{uuid4().hex}"
    return {
        "MAYFLY_STORAGE_BACKEND": "aws",
        "MAYFLY_STORAGE_BUCKET": name,
        "MAYFLY_STORAGE_TABLE": name,
        "MAYFLY_STORAGE_REGION": "eu-central-1",
        "MAYFLY_STORAGE_ENDPOINT_URL": aws_url,
        "MAYFLY_STORAGE_PRIVACY_SECRET": SECRET,
        "MAYFLY_STORAGE_PROVIDER": "aws",
        "MAYFLY_STORAGE_CHECKSUMS": "false",
        "MAYFLY_STORAGE_CONDITIONAL_DELETES": "false",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }


async def run(folder: Path, *arguments: str, **changes: str) -> Ended:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAYFLY_", "AWS_", "S3_"))}  # noqa: TID251 - a child inherits it
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mayfly_storage",
        *arguments,
        env=clean | {"MAYFLY_STORAGE_DATA_DIR": str(folder / "data")} | changes,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), timeout=60)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def test_an_operator_looks_then_provisions_then_has_nothing_left_to_do(
    tmp_path: Path, aws: dict[str, str]
) -> None:
    looked = await run(tmp_path, "provision", "--dry-run", **aws)
    done = await run(tmp_path, "provision", **aws)
    again = await run(tmp_path, "provision", **aws)

    assert "Nothing was changed." in looked.out
    changed, _, features = done.out.rpartition("\n\n")
    assert looked.out.startswith(changed)
    assert features == "ok    features       conditional puts, conditional completes, as the settings say\n"
    assert '"ID": "DeleteTempAudioAfter1Day"' in done.out
    assert again.out == f"Nothing to do: everything is as it should be.\n\n{features}"
    assert (looked.code, done.code, again.code) == (0, 0, 0)


async def test_doctor_fails_before_provisioning_and_passes_after_it(tmp_path: Path, aws: dict[str, str]) -> None:
    before = await run(tmp_path, "doctor", **aws)
    await run(tmp_path, "provision", **aws)
    after = await run(tmp_path, "doctor", **aws)

    assert (before.code, after.code) == (1, 0)
    assert "FAIL  bucket" in before.out
    assert "-> Make it: `mayfly-storage provision`" in before.out
    assert after.out.endswith("\n21 ok\n")
    for secret in (SECRET, ACCESS_KEY, SECRET_KEY, "Signature="):
        assert secret not in before.out + before.err + after.out + after.err


async def test_for_machines_doctor_prints_json(tmp_path: Path, aws: dict[str, str]) -> None:
    ended = await run(tmp_path, "doctor", "--json", **aws)

    report = json.loads(ended.out)
    assert (ended.code, report["ok"]) == (1, False)
    assert {"check", "verdict", "detail", "remedy"} == set(report["findings"][0])
    assert {each["verdict"] for each in report["findings"]} == {"ok", "failed", "skipped"}


async def test_doctor_looks_at_a_storage_that_serves(tmp_path: Path) -> None:
    address = f"127.0.0.1:{Ports.free().links}"
    free = {"listen": "127.0.0.1:0", "retention_listen": "127.0.0.1:0", "links_listen": address}

    async with running_storage(StorageSettings.load(data_dir=tmp_path / "data", **free)):
        ended = await run(tmp_path, "doctor", MAYFLY_STORAGE_LINKS_LISTEN=address)

    assert ended.code == 0, ended.out
    assert f"links          {address} answers, and knows links of ours" in ended.out
    assert "skip  files" in ended.out


async def test_the_policy_of_storage_s_role_is_json_for_iam(tmp_path: Path, aws: dict[str, str]) -> None:
    ended = await run(tmp_path, "policy", **aws)

    policy = json.loads(ended.out)
    assert policy["Version"] == "2012-10-17"
    assert "Objects" in {each["Sid"] for each in policy["Statement"]}


async def test_the_embedded_backend_has_no_role_and_nothing_to_provision(tmp_path: Path) -> None:
    policy, provision = await run(tmp_path, "policy"), await run(tmp_path, "provision")

    assert (policy.code, "needs MAYFLY_STORAGE_BACKEND=aws" in policy.err) == (2, True)
    assert (provision.code, provision.out) == (0, "Nothing to do: everything is as it should be.\n")


async def test_origins_and_principals_that_are_none_are_refused_at_the_start(
    tmp_path: Path, aws: dict[str, str]
) -> None:
    wrong = {"MAYFLY_STORAGE_CORS_ORIGINS": "app.example.com", "MAYFLY_STORAGE_PRINCIPALS": "storage"}

    ended = await run(tmp_path, "provision", **(aws | wrong))

    assert ended.code == 2
    assert "https://app.example.com, not 'app.example.com'" in ended.err
    assert "role/storage, not 'storage'" in ended.err


async def test_a_strict_storage_says_why_it_does_not_start(tmp_path: Path, aws: dict[str, str]) -> None:
    await run(tmp_path, "provision", **aws)
    await keep_versions(aws)

    ended = await run(tmp_path, "serve", MAYFLY_STORAGE_STRICT="true", **aws)

    assert (ended.code, ended.out) == (2, "")
    assert "would not be gone. versioning: Enabled" in ended.err
    assert "Traceback" not in ended.err


async def test_who_provisions_a_bucket_that_keeps_versions_is_told(tmp_path: Path, aws: dict[str, str]) -> None:
    await run(tmp_path, "provision", **aws)
    await keep_versions(aws)

    again = await run(tmp_path, "provision", **aws)

    assert "FAIL  versioning     Enabled: what is deleted lives on as an older version\n" in again.out


async def keep_versions(aws: dict[str, str]) -> None:
    import boto3  # noqa: PLC0415 - slow to load

    client = boto3.client(
        "s3",
        endpoint_url=aws["MAYFLY_STORAGE_ENDPOINT_URL"],
        region_name=aws["MAYFLY_STORAGE_REGION"],
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    versioning = {"Status": "Enabled"}
    await asyncio.to_thread(
        client.put_bucket_versioning, Bucket=aws["MAYFLY_STORAGE_BUCKET"], VersioningConfiguration=versioning
    )
    client.close()
