from __future__ import annotations

from datetime import timedelta

import pytest

from mayfly_runtime.settings import SettingsError
from mayfly_sweeper.config import SweeperSettings


def test_the_defaults_are_those_of_one_machine() -> None:
    settings = SweeperSettings.load()

    assert (settings.listen, settings.retention_target) == ("127.0.0.1:50071", "127.0.0.1:50052")
    assert settings.order().time_budget == timedelta(minutes=5)
    assert settings.order().max_delete_count == 0
    assert settings.tls_to_storage() is None


def test_all_wrong_settings_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYFLY_SWEEPER_PAGE_SIZE", "5000")
    monkeypatch.setenv("MAYFLY_SWEEPER_TIME_BUDGET", "soon")
    monkeypatch.setenv("MAYFLY_SWEEPER_MAX_DELETE_COUNT", "-1")

    with pytest.raises(SettingsError) as refused:
        SweeperSettings.load()

    assert len(refused.value.problems) == 3


@pytest.mark.parametrize(
    "settings", [{"retention_tls_ca": "/ca.pem"}, {"retention_tls": True, "retention_tls_cert": "/cert.pem"}]
)
def test_half_a_tls_setting_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="retention_tls"):
        SweeperSettings.load(**settings)


def test_the_token_is_not_shown() -> None:
    settings = SweeperSettings.load(token="a-very-secret-token")

    assert "a-very-secret-token" not in settings.describe()


def test_tls_to_storage_takes_the_files() -> None:
    settings = SweeperSettings.load(retention_tls=True, retention_tls_ca="/ca.pem")

    tls = settings.tls_to_storage()

    assert tls is not None
    assert str(tls.ca_file) == "/ca.pem"
