"""Storage looks whether deleted bytes are gone before it serves."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.app import running_storage
from mayfly_storage.backends.aws.provision import ensure_bucket_and_table
from mayfly_storage.config import StorageSettings
from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.domain.findings import Verdict
from mayfly_storage.fitness import UnfitStoreError, require_honest_deletion, require_true_claims

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.stores import Backend


@pytest.fixture
def settings(options: AwsOptions, raw: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorageSettings:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    ensure_bucket_and_table(raw, options)
    return StorageSettings.load(
        backend="aws",
        bucket=options.bucket,
        table=options.table,
        region=options.region,
        endpoint_url=options.s3_endpoint_url,
        privacy_secret="0123456789abcdef0123456789abcdef",
        data_dir=tmp_path,
        listen="127.0.0.1:0",
        retention_listen="127.0.0.1:0",
    )


def keep_versions(raw: Clients, bucket: str) -> None:
    raw.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


async def test_a_strict_storage_does_not_start_on_a_bucket_that_keeps_versions(
    settings: StorageSettings, options: AwsOptions, raw: Clients
) -> None:
    keep_versions(raw, options.bucket)

    with pytest.raises(UnfitStoreError, match=r"versioning: Enabled.*Use a bucket of its own") as refused:
        async with running_storage(settings.model_copy(update={"strict": True})):
            raise AssertionError("it started")

    assert [each.verdict for each in refused.value.findings] == [Verdict.FAILED]


async def test_any_other_storage_starts_and_warns(
    settings: StorageSettings, options: AwsOptions, raw: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    keep_versions(raw, options.bucket)

    with caplog.at_level(logging.WARNING):
        async with running_storage(settings) as running:
            assert running.backend.bucket == options.bucket

    [warned] = [record for record in caplog.records if record.message == "store.keeps_copies"]
    assert (vars(warned)["check"], vars(warned)["verdict"]) == ("versioning", "failed")


async def test_a_strict_storage_starts_on_a_bucket_that_honours_deletion(settings: StorageSettings) -> None:
    async with running_storage(settings.model_copy(update={"strict": True})) as running:
        assert running.backend.name == "aws"


async def test_settings_that_may_not_be_read_are_as_bad_as_wrong_ones(
    settings: StorageSettings, backend: Backend, wire: Wire
) -> None:
    wire.answer("GetBucketReplication", 403, "<Error><Code>AccessDenied</Code></Error>", times=2)

    with pytest.raises(UnfitStoreError, match=r"AccessDenied.*policy. prints the rights"):
        await require_honest_deletion(backend, strict=True, within=settings.readiness_interval)
    await require_honest_deletion(backend, strict=False, within=settings.readiness_interval)


async def test_a_store_that_does_not_answer_is_not_called_unfit(
    settings: StorageSettings, backend: Backend, wire: Wire
) -> None:
    wire.answer("GetBucketVersioning", 503, "<Error><Code>SlowDown</Code></Error>", times=9)

    with pytest.raises(BackendUnavailableError):
        await require_honest_deletion(backend, strict=True, within=settings.readiness_interval)


async def test_a_store_with_words_of_its_own_is_not_trusted(
    settings: StorageSettings, backend: Backend, wire: Wire
) -> None:
    wire.answer("GetBucketVersioning", 400, "<Error><Code>Whatever</Code></Error>")

    with pytest.raises(UnfitStoreError, match="Whatever"):
        await require_honest_deletion(backend, strict=True, within=settings.readiness_interval)


async def test_a_strict_storage_does_not_start_on_a_store_that_does_less_than_is_claimed(
    settings: StorageSettings,
) -> None:
    lying = settings.model_copy(update={"strict": True, "provider": "aws"})

    with pytest.raises(UnfitStoreError, match=r"no checksums.*MAYFLY_STORAGE_CHECKSUMS=false") as refused:
        async with running_storage(lying):
            raise AssertionError("it started")

    assert [each.check for each in refused.value.findings] == ["features"]


async def test_any_other_storage_believes_its_settings(settings: StorageSettings) -> None:
    async with running_storage(settings.model_copy(update={"provider": "aws"})) as running:
        assert running.backend.name == "aws"


async def test_a_store_to_which_nothing_can_be_put_is_unfit(
    settings: StorageSettings, backend: Backend, wire: Wire
) -> None:
    wire.answer("PutObject", 400, "<Error><Code>InvalidArgument</Code></Error>")

    with pytest.raises(UnfitStoreError, match=r"nothing can be put \(InvalidArgument\)"):
        await require_true_claims(backend, within=settings.readiness_interval)
