"""The guests' budget as the settings give it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mayfly_runtime.settings import SettingsError
from mayfly_storage.config import StorageSettings
from mayfly_storage.domain.quotas import GuestBudget, QuotaLimits


def test_guests_have_no_budget_unless_it_is_set() -> None:
    settings = StorageSettings.load()

    assert settings.guest_budget() == GuestBudget()
    assert settings.reservation_lifetime == timedelta(minutes=15)


def test_the_budget_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYFLY_STORAGE_GUEST_REQUESTS_PER_MINUTE", "600")
    monkeypatch.setenv("MAYFLY_STORAGE_GUEST_BYTES_PER_DAY", "1000000")
    monkeypatch.setenv("MAYFLY_STORAGE_GUEST_BUDGET_PARTS", "4")

    assert StorageSettings.load().guest_budget() == GuestBudget(
        limits=QuotaLimits(requests_per_minute=600, bytes_per_day=1_000_000), parts=4
    )


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"guest_requests_per_minute": 0}, "GUEST_REQUESTS_PER_MINUTE"),
        ({"guest_requests_per_minute": 3, "guest_budget_parts": 4}, "guest_budget_parts"),
    ],
)
def test_a_budget_that_admits_nobody_is_refused(settings: dict[str, int], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        StorageSettings.load(**settings)
