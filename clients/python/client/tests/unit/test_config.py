from __future__ import annotations

import re
from pathlib import Path

import pytest

from mayfly_client import AsyncClient, Client, ClientSettings, ConfigError, Tls

README = Path(__file__).parents[2] / "README.md"
SOURCE = Path(__file__).parents[2] / "src/mayfly_client/config.py"


def test_an_empty_environment_means_this_machine() -> None:
    settings = ClientSettings.from_env({})

    assert settings == ClientSettings()
    assert (settings.storage, settings.synth, settings.sweeper) == (
        "127.0.0.1:50051",
        "127.0.0.1:50061",
        "127.0.0.1:50071",
    )


def test_every_variable_is_read(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("x")
    settings = ClientSettings.from_env(
        {
            "MAYFLY_STORAGE_TARGET": "dns:///storage:1",
            "MAYFLY_SYNTH_TARGET": "synth:2",
            "MAYFLY_SWEEPER_TARGET": "sweeper:3",
            "MAYFLY_TOKEN": "secret",
            "MAYFLY_TLS_CA_FILE": str(ca),
            "MAYFLY_TIMEOUT": "2.5",
        },
    )

    assert (settings.storage, settings.synth, settings.sweeper) == ("dns:///storage:1", "synth:2", "sweeper:3")
    assert settings.token == "secret"
    assert settings.tls == Tls(ca_file=ca)
    assert settings.timeout == 2.5
    assert "secret" not in repr(settings)


def test_tls_may_be_switched_on_alone() -> None:
    assert ClientSettings.from_env({"MAYFLY_TLS": "ON"}).tls == Tls()
    assert ClientSettings.from_env({"MAYFLY_TLS": "off"}).tls is None
    with pytest.raises(ConfigError, match="MAYFLY_TLS='maybe': expected on or off"):
        ClientSettings.from_env({"MAYFLY_TLS": "maybe"})


def test_a_token_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret\n")

    assert ClientSettings.from_env({"MAYFLY_TOKEN_FILE": str(file)}).token == "secret"


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")

    with pytest.raises(ConfigError) as caught:
        ClientSettings.from_env(
            {
                "MAYFLY_TIMEOUT": "soon",
                "MAYFLY_TOKEN": "secret",
                "MAYFLY_TOKEN_FILE": str(token),
                "MAYFLY_TLS_CERT_FILE": "/no/such.pem",
                "MAYFLY_TLS_KEY_FILE": str(token),
            },
        )

    told = str(caught.value).splitlines()
    assert told[0] == "wrong settings:"
    assert "  MAYFLY_TIMEOUT='soon': expected a positive number of seconds, e.g. 30" in told
    assert "  MAYFLY_TOKEN and MAYFLY_TOKEN_FILE are both set: expected one of them" in told
    assert "  MAYFLY_TLS_CERT_FILE='/no/such.pem': expected a file that exists" in told
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf"])
def test_a_timeout_must_be_a_time(value: str) -> None:
    with pytest.raises(ConfigError, match="positive number of seconds"):
        ClientSettings.from_env({"MAYFLY_TIMEOUT": value})


@pytest.mark.parametrize("kind", [AsyncClient, Client])
def test_clients_take_their_settings_from_the_environment(
    kind: type[AsyncClient | Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAYFLY_STORAGE_TARGET", "storage:1")
    monkeypatch.setenv("MAYFLY_TIMEOUT", "7")

    assert kind.from_env().settings == ClientSettings(storage="storage:1", timeout=7)


def test_the_readme_lists_every_variable_that_is_read() -> None:
    documented = set(re.findall(r"MAYFLY_[A-Z_]+", README.read_text()))
    read = set(re.findall(r"`(MAYFLY_[A-Z_]+)`", SOURCE.read_text()))

    assert read <= documented
