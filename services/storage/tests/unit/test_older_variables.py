"""Settings under the names of older systems: they keep working, and may say the same beside the new ones."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mayfly_storage.config import StorageSettings

pytestmark = pytest.mark.usefixtures("empty_environment")

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("AWS_S3_BUCKET", "x", "bucket", "x"),
        ("S3_BUCKET_NAME", "x", "bucket", "x"),
        ("AWS_S3_REGION", "eu-west-1", "region", "eu-west-1"),
        ("S3_BUCKET_REGION", "eu-west-1", "region", "eu-west-1"),
        ("AWS_REGION", "eu-west-1", "region", "eu-west-1"),
        ("TEMP_AUDIO_TABLE_NAME", "t", "table", "t"),
        ("AWS_S3_TEMP_AUDIO_PREFIX", "guests/", "temp_audio_prefix", "guests"),
        ("S3_PRESIGNED_URL_EXPIRY", "7200", "url_lifetime", timedelta(hours=2)),
        ("USE_S3_STORAGE", "false", "backend", "embedded"),
        ("EXPO_PUBLIC_S3_BUCKET_NAME", "x", "bucket", "x"),
        ("EXPO_PUBLIC_S3_REGION", "eu-west-1", "region", "eu-west-1"),
        ("AUDIO_CLEANUP_TEMP_FILES", "false", "cleanup_temp_files", False),
        ("AUDIO_CLEANUP_DELAY_MINUTES", "90", "cleanup_delay", timedelta(minutes=90)),
        ("MAYFLY_STORAGE_CLEANUP_DELAY_MINUTES", "90", "cleanup_delay", timedelta(minutes=90)),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000/", "endpoint_url", "http://127.0.0.1:5000"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:5000", "s3_endpoint_url", "http://127.0.0.1:5000"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:5000", "dynamodb_endpoint_url", "http://127.0.0.1:5000"),
    ],
)
def test_variables_of_the_older_systems_keep_working(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, field: str, expected: object
) -> None:
    monkeypatch.setenv(variable, value)

    assert getattr(StorageSettings.load(), field) == expected


@pytest.mark.parametrize(
    ("variable", "value", "canonical", "same"),
    [
        ("USE_S3_STORAGE", "false", "MAYFLY_STORAGE_BACKEND", "embedded"),
        ("S3_PRESIGNED_URL_EXPIRY", "3600", "MAYFLY_STORAGE_URL_LIFETIME", "1h"),
        ("AUDIO_CLEANUP_DELAY_MINUTES", "90", "MAYFLY_STORAGE_CLEANUP_DELAY", "90m"),
        ("AWS_S3_TEMP_AUDIO_PREFIX", "guests/", "MAYFLY_STORAGE_TEMP_AUDIO_PREFIX", "guests"),
    ],
)
def test_an_older_variable_may_say_the_same_in_its_own_way(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, canonical: str, same: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv(canonical, same)

    assert StorageSettings.load()


def test_the_region_of_the_machine_says_nothing_beside_that_of_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("MAYFLY_STORAGE_REGION", "eu-west-1")

    assert StorageSettings.load().region == "eu-west-1"


def test_use_s3_storage_chooses_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USE_S3_STORAGE", "true")
    monkeypatch.setenv("S3_BUCKET_NAME", "b")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("MAYFLY_STORAGE_PRIVACY_SECRET", SECRET)

    assert StorageSettings.load().backend == "aws"


def test_older_variables_reach_the_collections() -> None:
    collections = StorageSettings.load(temp_audio_prefix="guests", url_lifetime="2h").collections()

    assert [template.text for template in collections.get("temp-audio").key_templates] == [
        "guests/{date}/{audio_id}.{ext}"
    ]
    assert {each.url_lifetime for each in collections.by_id.values()} == {timedelta(hours=2)}
