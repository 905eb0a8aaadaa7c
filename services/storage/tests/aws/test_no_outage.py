"""R18: what is no outage of S3 is told as what it is; the folder beside it takes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.testing import Wire, emulated_options, emulated_session
from mayfly_storage.domain.errors import BackendMisconfiguredError
from mayfly_storage.readiness import check_backend
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.replica import SOON, Replica, open_replica, provision

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.options import AwsOptions


@pytest.fixture
def options(aws_url: str) -> AwsOptions:
    return replace(emulated_options(aws_url), connect_timeout=SOON, attempts=1)


@pytest.fixture
async def replica(options: AwsOptions, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Replica]:
    await asyncio.to_thread(provision, options)
    async with open_replica(options, tmp_path / "shared", clock) as replica:
        yield replica


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sound"
    path.write_bytes(SOUND)
    return path


async def test_a_bucket_that_is_not_there_is_no_outage(replica: Replica, file: Path, options: AwsOptions) -> None:
    clients = make_clients(options, session=emulated_session())
    await asyncio.to_thread(clients.s3.delete_bucket, Bucket=options.bucket)
    clients.close()
    for _ in range(4):
        with pytest.raises(BackendMisconfiguredError, match="NoSuchBucket"):
            await replica.saved(file)
        with pytest.raises(BackendMisconfiguredError):
            await check_backend(replica.backend, within=SOON)
    fallback = replica.backend.stores.fallback
    assert fallback is not None
    assert (fallback.outage, fallback.stored.total()) == (None, 0)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AccessDenied"),
        (400, "ExpiredToken"),
        (403, "InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch"),
        (400, "AuthorizationHeaderMalformed"),
        (301, "PermanentRedirect"),
    ],
)
async def test_a_refusal_is_told_and_leaves_nothing_in_the_folder(
    options: AwsOptions, tmp_path: Path, clock: FakeClock, file: Path, status: int, code: str
) -> None:
    await asyncio.to_thread(provision, options)
    session = emulated_session()
    wire = Wire(session)
    async with open_replica(options, tmp_path / "shared", clock, session=session, threshold=1) as replica:
        wire.answer("PutObject", status, f"<Error><Code>{code}</Code></Error>", times=20)
        for _ in range(4):
            with pytest.raises(BackendMisconfiguredError, match=code):
                await replica.saved(file)
        fallback = replica.backend.stores.fallback
        assert fallback is not None
        assert fallback.outage is None
        assert [path for path in (tmp_path / "shared/objects").rglob("*") if path.is_file()] == []


async def test_a_host_that_does_not_exist_is_no_outage(
    options: AwsOptions, tmp_path: Path, clock: FakeClock, file: Path
) -> None:
    await asyncio.to_thread(provision, options)
    misspelt = replace(options, s3_endpoint_url="http://s3.eu-centrall-1.invalid")
    async with open_replica(misspelt, tmp_path / "shared", clock) as replica:
        with pytest.raises(BackendMisconfiguredError, match="HostNotFound"):
            await replica.saved(file)
