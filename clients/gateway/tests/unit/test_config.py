from __future__ import annotations

from pathlib import Path

import pytest

from mayfly_gateway.config import GatewaySettings
from mayfly_runtime.settings import SettingsError

TOKEN = "t" * 16


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in GatewaySettings.reference():
        monkeypatch.delenv(one.variable, raising=False)


def test_everything_has_a_default_that_works_on_one_machine() -> None:
    settings = GatewaySettings.load()

    assert settings.secrets() == ()
    assert settings.tls_to_services() is None
    assert settings.api_callers().name_of(None) == "anonymous"


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"secret": "short"}, "at least 32 characters"),
        ({"secret": "a" * 32 + ",short"}, "at least 32 characters"),
        ({"callers": "anne"}, "caller 1"),
        ({"tls_cert": Path("c"), "tls": True}, "belong together"),
        ({"tls_ca": Path("c")}, "MAYFLY_GATEWAY_TLS=true"),
        ({"trusted_proxies": 99}, "MAYFLY_GATEWAY_TRUSTED_PROXIES"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(overrides: dict[str, object], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        GatewaySettings.load(**overrides)


def test_secrets_and_lists_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "callers").write_text(f"anne={TOKEN}\n")
    monkeypatch.setenv("MAYFLY_GATEWAY_CALLERS_FILE", str(tmp_path / "callers"))
    monkeypatch.setenv("MAYFLY_GATEWAY_SECRET", f"{'n' * 32}, {'o' * 32}")
    monkeypatch.setenv("MAYFLY_GATEWAY_LINK_ORIGINS", "https://a.example, https://b.example")
    monkeypatch.setenv("MAYFLY_GATEWAY_OPENAI_VOICES", '{"alloy": "en_US-ryan-high"}')

    settings = GatewaySettings.load()

    assert settings.secrets() == ("n" * 32, "o" * 32)
    assert settings.api_callers().name_of(TOKEN) == "anne"
    assert settings.link_origins == ("https://a.example", "https://b.example")
    assert settings.openai_voices == {"alloy": "en_US-ryan-high"}
    assert TOKEN not in settings.describe()
    assert "n" * 32 not in settings.describe()
