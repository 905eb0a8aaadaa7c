"""Settings: defaults that serve, and every problem told at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.settings import SettingsError
from mayfly_storage.administration import provision
from mayfly_storage.config import StorageSettings
from mayfly_storage.domain.pricing import AMAZON, Prices
from mayfly_storage.domain.privacy import TextPolicy
from mayfly_storage.domain.timing import Timing
from mayfly_storage.opening import aws_options, embedded_options, open_privacy

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("empty_environment")

SECRET = "0123456789abcdef0123456789abcdef"
AWS = {"backend": "aws", "bucket": "b", "region": "eu-central-1", "privacy_secret": SECRET}


def problems(**given: object) -> str:
    with pytest.raises(SettingsError) as refused:
        StorageSettings.load(**given)
    return str(refused.value)


def test_a_mirror_of_folders_is_refused_and_not_forgotten() -> None:
    assert "mirror_bucket needs the backend aws" in problems(mirror_bucket="copies")


def test_the_defaults_serve_on_loopback_with_the_models_timing() -> None:
    settings = StorageSettings.load()

    assert (settings.backend, settings.listen, settings.retention_listen, settings.links_listen) == (
        "embedded",
        "127.0.0.1:50051",
        "127.0.0.1:50052",
        "127.0.0.1:50080",
    )
    assert settings.timing() == Timing()
    assert settings.keep_text is TextPolicy.HASHED


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("true", TextPolicy.KEPT),
        ("YES", TextPolicy.KEPT),
        ("1", TextPolicy.KEPT),
        ("false", TextPolicy.DROPPED),
        ("0", TextPolicy.DROPPED),
        ("off", TextPolicy.DROPPED),
        ("hashed", TextPolicy.HASHED),
    ],
)
def test_texts_are_kept_hashed_or_dropped_as_the_setting_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, kept: TextPolicy
) -> None:
    monkeypatch.setenv("MAYFLY_STORAGE_KEEP_TEXT", value)

    settings = StorageSettings.load(data_dir=tmp_path)

    assert settings.keep_text is kept
    assert open_privacy(settings).texts is kept


def test_every_setting_says_what_it_is_for() -> None:
    assert all(len(reference.meaning) > 10 for reference in StorageSettings.reference())
    assert all(reference.variable.startswith("MAYFLY_STORAGE_") for reference in StorageSettings.reference())


@pytest.mark.parametrize(
    ("variable", "value", "canonical", "other"),
    [
        ("USE_S3_STORAGE", "true", "MAYFLY_STORAGE_BACKEND", "embedded"),
        ("AWS_S3_BUCKET", "old", "MAYFLY_STORAGE_BUCKET", "new"),
        ("S3_BUCKET_NAME", "old", "MAYFLY_STORAGE_BUCKET", "new"),
        ("EXPO_PUBLIC_S3_BUCKET_NAME", "old", "MAYFLY_STORAGE_BUCKET", "new"),
        ("AWS_S3_REGION", "eu-west-1", "MAYFLY_STORAGE_REGION", "eu-west-2"),
        ("S3_BUCKET_REGION", "eu-west-1", "MAYFLY_STORAGE_REGION", "eu-west-2"),
        ("EXPO_PUBLIC_S3_REGION", "eu-west-1", "MAYFLY_STORAGE_REGION", "eu-west-2"),
        ("TEMP_AUDIO_TABLE_NAME", "old", "MAYFLY_STORAGE_TABLE", "new"),
        ("AWS_S3_TEMP_AUDIO_PREFIX", "old", "MAYFLY_STORAGE_TEMP_AUDIO_PREFIX", "new"),
        ("S3_PRESIGNED_URL_EXPIRY", "3600", "MAYFLY_STORAGE_URL_LIFETIME", "2h"),
        ("AUDIO_CLEANUP_TEMP_FILES", "true", "MAYFLY_STORAGE_CLEANUP_TEMP_FILES", "false"),
        ("AUDIO_CLEANUP_DELAY_MINUTES", "60", "MAYFLY_STORAGE_CLEANUP_DELAY", "2h"),
    ],
)
def test_an_older_variable_that_contradicts_the_canonical_one_is_refused_and_both_are_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, canonical: str, other: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv(canonical, other)

    told = problems(privacy_secret=SECRET)

    assert f"{canonical}={other!r} and {variable}={value!r} name the same setting" in told


@pytest.mark.parametrize(
    ("settings", "lifetime"),
    [
        ({}, timedelta(hours=1)),
        ({"cleanup_delay": "90"}, timedelta(minutes=90)),
        ({"cleanup_delay": "2h"}, timedelta(hours=2)),
        ({"cleanup_temp_files": "false"}, None),
        ({"cleanup_temp_files": "false", "cleanup_delay": "90"}, None),
    ],
)
def test_temporary_results_end_when_the_settings_say_if_at_all(
    settings: dict[str, str], lifetime: timedelta | None
) -> None:
    collections = StorageSettings.load(**settings).collections()

    assert collections.get("processing").lifetime == lifetime
    assert collections.get("temp-audio").lifetime == timedelta(days=1)


def test_a_clean_up_of_nothing_is_refused(tmp_path: Path) -> None:
    only_guests = tmp_path / "collections.toml"
    only_guests.write_text(
        '[temp-audio]\nkeys = ["temp-audio/{date}/{audio_id}.{ext}"]\nurl_lifetime_seconds = 60\n'
        'max_size_bytes = 9\ncontent_types = ["audio/wav"]\n'
    )

    assert "collection 'processing': there is none" in problems(collections_file=only_guests, cleanup_delay="90")
    assert StorageSettings.load(collections_file=only_guests)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    told = problems(
        backend="aws",
        listen="nowhere",
        collections_file=tmp_path / "missing.toml",
        temp_audio_prefix="../x",
        url_lifetime="0s",
        upload_lifetime="-1m",
        link_secret="short",
        links_url="ftp://x",
        addresses="some",
        due_buckets=0,
    )

    assert "12 problems" in told
    for expected in (
        "MAYFLY_STORAGE_LISTEN='nowhere': 'nowhere' is no address",
        "cannot be read: No such file or directory",
        "MAYFLY_STORAGE_TEMP_AUDIO_PREFIX='../x': expected the name of a folder",
        "MAYFLY_STORAGE_URL_LIFETIME='0s': expected more than 0",
        "MAYFLY_STORAGE_UPLOAD_LIFETIME='-1m': expected a duration",
        "MAYFLY_STORAGE_LINK_SECRET=(secret): must have at least 32 bytes",
        "MAYFLY_STORAGE_LINKS_URL='ftp://x': expected a URL",
        "MAYFLY_STORAGE_ADDRESSES='some': expected 'hashed', 'raw' or 'none'",
        "MAYFLY_STORAGE_DUE_BUCKETS='0'",
        "MAYFLY_STORAGE_BUCKET='None': is needed with the backend aws",
        "MAYFLY_STORAGE_REGION='None': is needed with the backend aws",
        "MAYFLY_STORAGE_PRIVACY_SECRET=(secret): is needed with the backend aws",
    ):
        assert expected in told, told


def test_a_secret_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYFLY_STORAGE_LINK_SECRET", SECRET)

    settings = StorageSettings.load()

    assert SECRET not in settings.describe() + repr(settings) + problems(link_secret="0123456789", listen="x")
    assert "0123456789" not in problems(link_secret="0123456789")


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    monkeypatch.setenv("MAYFLY_STORAGE_PRIVACY_SECRET_FILE", str(tmp_path / "secret"))

    assert open_privacy(StorageSettings.load()).secret == SECRET.encode()


def test_periods_that_contradict_each_other_are_told() -> None:
    assert "orphan_grace (0:10:00) must be longer" in problems(orphan_grace="10m")


def test_an_unknown_backend_is_told_with_those_that_exist() -> None:
    assert "MAYFLY_STORAGE_BACKEND='gcs': expected 'embedded' or 'aws'" in problems(backend="gcs")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("not = toml = at all", "cannot be used: "),
        ("[a]\nkeys = []", "collection 'a': content_types is missing"),
        ("", "no collection is defined"),
    ],
)
def test_a_collections_file_is_read_at_once(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "collections.toml"
    path.write_text(text)

    assert problem in problems(collections_file=path)


def test_a_collections_file_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "collections.toml"
    path.write_text(
        '[clips]\nkeys = ["clips/{date}/{audio_id}.{ext}"]\nurl_lifetime_seconds = 60\n'
        'max_size_bytes = 5\ncontent_types = ["audio/wav"]\n'
    )

    settings = StorageSettings.load(collections_file=path, temp_audio_prefix="guests")

    assert list(settings.collections().by_id) == ["clips"]


def test_the_embedded_backend_is_told_what_concerns_it(tmp_path: Path) -> None:
    settings = StorageSettings.load(
        data_dir=tmp_path, links_listen="127.0.0.1:0", links_url="https://audio.example.com/", link_secret=SECRET
    )

    options = embedded_options(settings)

    assert (options.data_dir, options.link_base_url) == (tmp_path, "https://audio.example.com")
    assert options.link_secrets == (SECRET.encode(),)
    assert (options.links.listen, options.links.max_requests) == ("127.0.0.1:0", 64)
    assert list(provision(settings, dry_run=False)) == []


def test_an_old_link_secret_is_honoured_after_the_new_one() -> None:
    options = embedded_options(StorageSettings.load(link_secret=SECRET, link_secret_previous=SECRET[::-1]))

    assert options.link_secrets == (SECRET.encode(), SECRET[::-1].encode())


def test_the_aws_backend_is_told_what_concerns_it() -> None:
    settings = StorageSettings.load(
        **AWS,
        endpoint_url="http://127.0.0.1:5000",
        s3_endpoint_url="http://127.0.0.1:9000",
        addressing_style="path",
        encryption="aws:kms",
        kms_key_id="k",
        aws_attempts=5,
    )

    options = aws_options(settings)

    assert (options.bucket, options.region, options.table) == ("b", "eu-central-1", "tts_temp_audio")
    assert options.s3_endpoint_url == "http://127.0.0.1:9000"
    assert options.dynamodb_endpoint_url == "http://127.0.0.1:5000"
    assert (options.addressing_style, options.encryption, options.kms_key_id) == ("path", "aws:kms", "k")
    assert options.attempts == 5


def test_a_privacy_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    settings = StorageSettings.load(data_dir=tmp_path)

    first, again = open_privacy(settings), open_privacy(settings)

    assert first.secret == again.secret
    assert len(first.secret) == 32
    assert (tmp_path / "privacy.key").stat().st_mode & 0o777 == 0o600


def test_a_privacy_secret_that_was_cut_is_refused(tmp_path: Path) -> None:
    (tmp_path / "privacy.key").write_bytes(b"x")

    with pytest.raises(OSError, match=r"privacy.key has 1 bytes instead of 32"):
        open_privacy(StorageSettings.load(data_dir=tmp_path))


def test_prices_are_amazons_on_aws_nothing_elsewhere_and_what_is_given() -> None:
    own = StorageSettings.load(price_gb_month="0.015", price_thousand_gets="0")

    assert StorageSettings.load(**AWS).prices() == AMAZON
    assert StorageSettings.load().prices() == Prices()
    assert own.prices() == Prices(gb_month=0.015)
    assert StorageSettings.load(**AWS, price_thousand_puts=0.0045).prices() == replace(AMAZON, thousand_puts=0.0045)
