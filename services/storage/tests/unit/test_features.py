"""What is believed of a store, by provider and setting, and what is said where it does more or less."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mayfly_runtime.settings import SettingsError
from mayfly_storage.backends.aws.features import ALL_FEATURES, NO_FEATURES, PROVIDERS, StoreFeatures
from mayfly_storage.backends.aws.probing import judged
from mayfly_storage.config import StorageSettings
from mayfly_storage.domain.findings import Verdict
from mayfly_storage.opening import aws_options, unmanaged

PUTS_ONLY = replace(NO_FEATURES, conditional_puts=True)
NO_COMPLETES = replace(ALL_FEATURES, conditional_completes=False)
ENDPOINT = {"s3_endpoint_url": "https://s3.example.com"}


def settings(**overrides: Any) -> StorageSettings:
    facts: dict[str, Any] = {"backend": "aws", "bucket": "b", "region": "eu-central-1", "data_dir": Path()}
    return StorageSettings.load(**facts, privacy_secret="0123456789abcdef0123456789abcdef", **overrides)


@pytest.mark.parametrize(
    ("told", "features", "style"),
    [
        ({}, ALL_FEATURES, "auto"),
        (ENDPOINT, NO_FEATURES, "auto"),
        (ENDPOINT | {"provider": "aws"}, ALL_FEATURES, "auto"),
        (ENDPOINT | {"provider": "r2"}, PUTS_ONLY, "path"),
        (ENDPOINT | {"provider": "ceph"}, PUTS_ONLY, "path"),
        (
            ENDPOINT | {"provider": "ceph", "checksums": "true", "conditional_deletes": "true"},
            NO_COMPLETES,
            "path",
        ),
        (ENDPOINT | {"provider": "minio", "addressing_style": "virtual"}, PROVIDERS["minio"].features, "virtual"),
        (ENDPOINT | {"provider": "ceph", "conditional_puts": "false"}, NO_FEATURES, "path"),
    ],
)
def test_the_provider_says_what_the_settings_do_not(told: dict[str, str], features: StoreFeatures, style: str) -> None:
    options = aws_options(settings(**told))

    assert (options.features, options.addressing_style) == (features, style)


def test_what_is_left_alone_is_the_provider_s_unless_it_is_said() -> None:
    assert "default encryption" in unmanaged(settings(provider="ceph"))
    assert unmanaged(settings(provider="ceph", unmanaged="")) == frozenset()
    assert unmanaged(settings(unmanaged="tags, CORS rules")) == {"tags", "CORS rules"}
    with pytest.raises(SettingsError, match="expected some of: public access block"):
        settings(unmanaged="encryption")


@pytest.mark.parametrize(
    ("claimed", "found", "verdict", "said"),
    [
        (
            ALL_FEATURES,
            ALL_FEATURES,
            Verdict.OK,
            "conditional puts, checksums, conditional deletes, conditional completes, as the settings say",
        ),
        (PUTS_ONLY, ALL_FEATURES, Verdict.WARNING, "MAYFLY_STORAGE_CHECKSUMS=true, MAYFLY_STORAGE_CONDITIONAL_DELETES"),
        (ALL_FEATURES, PUTS_ONLY, Verdict.FAILED, "MAYFLY_STORAGE_CHECKSUMS=false, MAYFLY_STORAGE_CONDITIONAL_DELETES"),
        (NO_FEATURES, NO_FEATURES, Verdict.FAILED, "could exchange bytes that were committed"),
        (ALL_FEATURES, NO_FEATURES, Verdict.FAILED, "MAYFLY_STORAGE_CONDITIONAL_PUTS=false"),
    ],
)
def test_to_claim_too_much_is_a_fault_and_too_little_only_costs(
    claimed: StoreFeatures, found: StoreFeatures, verdict: Verdict, said: str
) -> None:
    finding = judged(claimed=claimed, found=found)

    assert finding.verdict is verdict
    assert said in f"{finding.detail} {finding.remedy}"
