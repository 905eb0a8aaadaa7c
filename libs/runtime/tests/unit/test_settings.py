from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from mayfly_runtime.identity import CallerRegistry
from mayfly_runtime.server_options import ServerOptions, TlsFiles
from mayfly_runtime.settings import Duration, ServerSettings, ServiceSettings, SettingsError


class ToySettings(ServiceSettings):
    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix="MAYFLY_TOY_")

    owner: str
    """Who answers for it."""

    port: int = 50
    """Where it listens.

    Two lines in the source are one in the table.
    """

    secret: SecretStr | None = None
    """Key of the links."""

    lifetime: Duration = timedelta(hours=24)
    """How long a clip lives."""

    formats: tuple[str, ...] = ("wav", "mp3")
    """What may be asked for."""

    bucket: str = Field(default="clips", validation_alias=AliasChoices("MAYFLY_TOY_BUCKET", "LEGACY_BUCKET"))
    """Where clips are kept."""


class ToyServerSettings(ServerSettings):
    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix="MAYFLY_TOY_")


@pytest.fixture(autouse=True)
def owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYFLY_TOY_OWNER", "ops")


def problems(settings: type[ServiceSettings] = ToySettings) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        settings.load()
    for problem in raised.value.problems:
        assert problem in str(raised.value)
    return raised.value.problems


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYFLY_TOY_PORT", "99")
    monkeypatch.setenv("MAYFLY_TOY_LIFETIME", "90m")

    settings = ToySettings.load()

    assert (settings.owner, settings.port, settings.lifetime) == ("ops", 99, timedelta(minutes=90))


def test_overrides_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYFLY_TOY_PORT", "99")

    assert ToySettings.load(port=7).port == 7


@pytest.mark.parametrize("given", ["flac, ogg", '["flac", "ogg"]', "flac,ogg,"])
def test_lists_are_written_with_commas_or_as_json(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYFLY_TOY_FORMATS", given)

    assert ToySettings.load().formats == ("flac", "ogg")


def test_an_older_variable_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEGACY_BUCKET", "old")

    assert ToySettings.load().bucket == "old"


def test_two_variables_of_a_setting_that_contradict_each_other_are_a_problem_that_names_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEGACY_BUCKET", "old")
    monkeypatch.setenv("MAYFLY_TOY_BUCKET", "new")

    [problem] = problems()
    assert problem == (
        "MAYFLY_TOY_BUCKET='new' and LEGACY_BUCKET='old' name the same setting, and contradict each other; "
        "give one of them"
    )


@pytest.mark.parametrize(("one", "other"), [("clips", "clips"), ("60m", "1h")])
def test_two_variables_that_mean_the_same_are_none(monkeypatch: pytest.MonkeyPatch, one: str, other: str) -> None:
    class Twice(ToySettings):
        life: Duration | str = Field(default="", validation_alias=AliasChoices("MAYFLY_TOY_LIFE", "LEGACY_LIFE"))
        """Anything."""

    monkeypatch.setenv("MAYFLY_TOY_LIFE", one)
    monkeypatch.setenv("LEGACY_LIFE", other)

    assert Twice.load()


def test_what_platforms_set_by_themselves_says_nothing_beside_the_canonical_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Somewhere(ToySettings):
        ambient: ClassVar[frozenset[str]] = frozenset({"LEGACY_BUCKET"})

    monkeypatch.setenv("LEGACY_BUCKET", "old")
    assert Somewhere.load().bucket == "old"

    monkeypatch.setenv("MAYFLY_TOY_BUCKET", "new")
    assert Somewhere.load().bucket == "new"


def test_a_contradiction_of_secrets_shows_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Guarded(ToySettings):
        key: SecretStr = Field(default=SecretStr(""), validation_alias=AliasChoices("MAYFLY_TOY_KEY", "LEGACY_KEY"))
        """Key of something."""

    monkeypatch.setenv("MAYFLY_TOY_KEY", "hush")
    monkeypatch.setenv("LEGACY_KEY", "quiet")

    [problem] = problems(Guarded)
    assert problem.startswith("MAYFLY_TOY_KEY and LEGACY_KEY name the same setting")


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAYFLY_TOY_OWNER")
    monkeypatch.setenv("MAYFLY_TOY_PORT", "many")
    monkeypatch.setenv("MAYFLY_TOY_LIFETIME", "soon")
    monkeypatch.setenv("MAYFLY_TOY_LOG_LEVEL", "LOUD")
    monkeypatch.setenv("MAYFLY_TOY_SECRET_FILE", "/nowhere")

    assert set(problems()) == {
        "MAYFLY_TOY_OWNER is not set: Who answers for it.",
        "MAYFLY_TOY_PORT='many': expected a valid integer, unable to parse string as an integer",
        "MAYFLY_TOY_LIFETIME='soon': expected a duration with its unit, such as 500ms, 20s, 15m, 24h or 7d",
        "MAYFLY_TOY_LOG_LEVEL='LOUD': expected 'DEBUG', 'INFO', 'WARNING' or 'ERROR'",
        "MAYFLY_TOY_SECRET cannot be read from MAYFLY_TOY_SECRET_FILE=/nowhere: No such file or directory",
    }


def test_a_problem_names_the_variable_that_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bounded(ServiceSettings):
        size: int = Field(default=1, ge=1, validation_alias=AliasChoices("MAYFLY_SIZE", "OLD_SIZE"))

    monkeypatch.setenv("OLD_SIZE", "0")

    assert problems(Bounded) == ("MAYFLY_SIZE='0': expected greater than or equal to 1",)


def test_a_secret_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    class Locked(ToySettings):
        pin: SecretStr = Field(default=SecretStr("0000"), max_length=4)

    monkeypatch.setenv("MAYFLY_TOY_PIN", "hunter2")

    (problem,) = problems(Locked)
    assert problem.startswith("MAYFLY_TOY_PIN=(secret): ")
    assert "hunter2" not in problem


def test_a_long_value_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYFLY_TOY_PORT", "x" * 1000)

    (problem,) = problems()
    assert len(problem) < 200


def test_a_secret_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file\n")
    monkeypatch.setenv("MAYFLY_TOY_SECRET_FILE", str(file))

    secret = ToySettings.load().secret

    assert secret is not None
    assert secret.get_secret_value() == "from the file"


def test_a_secret_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYFLY_TOY_SECRET", "a")
    monkeypatch.setenv("MAYFLY_TOY_SECRET_FILE", "/b")

    assert problems() == ("MAYFLY_TOY_SECRET is given together with MAYFLY_TOY_SECRET_FILE; give one of them",)


def test_a_secret_file_that_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xff\xfe")
    monkeypatch.setenv("MAYFLY_TOY_SECRET_FILE", str(file))

    (problem,) = problems()
    assert problem.endswith("it is not UTF-8 text")


def test_a_misspelt_variable_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYFLY_TOY_BUCKETS", "x")

    assert problems() == ("MAYFLY_TOY_BUCKETS is not a setting; did you mean MAYFLY_TOY_BUCKET?",)


@pytest.mark.parametrize("name", ["MAYFLY_TOY_TARGET", "MAYFLY_TOY_SERVICE_HOST", "MAYFLY_TOY_PORT_50051_TCP_ADDR"])
def test_variables_of_clients_and_of_kubernetes_do_not_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")

    assert ToySettings.load().owner == "ops"


def test_the_reference_lists_variable_default_and_meaning() -> None:
    reference = {entry.variable: entry for entry in ToySettings.reference()}

    assert reference["MAYFLY_TOY_OWNER"].default is None
    assert reference["MAYFLY_TOY_PORT"].default == "50"
    assert reference["MAYFLY_TOY_PORT"].meaning == "Where it listens. Two lines in the source are one in the table."
    assert reference["MAYFLY_TOY_LIFETIME"].default == "24h"
    assert reference["MAYFLY_TOY_FORMATS"].default == "wav,mp3"
    assert reference["MAYFLY_TOY_SECRET"].secret
    assert reference["MAYFLY_TOY_BUCKET"].aliases == ("LEGACY_BUCKET",)


@pytest.mark.parametrize("settings", [ToySettings, ToyServerSettings])
def test_every_setting_says_what_it_means(settings: type[ServiceSettings]) -> None:
    assert [entry.variable for entry in settings.reference() if not entry.meaning] == []


def test_every_default_can_be_written_back_into_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ToyServerSettings.load()
    for entry in ToyServerSettings.reference():
        if entry.default:
            monkeypatch.setenv(entry.variable, entry.default)

    assert ToyServerSettings.load() == before


def test_the_description_shows_effective_values_and_masks_secrets() -> None:
    lines = ToySettings.load(secret=SecretStr("hunter2"), port=7).describe().splitlines()

    assert "* MAYFLY_TOY_PORT                7" in lines
    assert "  MAYFLY_TOY_LIFETIME            24h" in lines
    assert "* MAYFLY_TOY_SECRET              ********" in lines
    assert "hunter2" not in "".join(lines)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        ToySettings.load().port = 1


def test_server_settings_become_server_options() -> None:
    settings = ToyServerSettings.load(
        drain=timedelta(seconds=3),
        max_concurrent_rpcs=5,
        tls_cert=Path("c"),
        tls_key=Path("k"),
        tls_client_ca=Path("a"),
    )

    assert settings.server_options("127.0.0.1:0") == ServerOptions(
        listen="127.0.0.1:0",
        tls=TlsFiles(Path("c"), Path("k"), Path("a")),
        drain=timedelta(seconds=3),
        max_concurrent_rpcs=5,
    )


def test_without_a_callers_file_only_this_machine_may_call() -> None:
    assert ToyServerSettings.load().callers() == CallerRegistry.loopback_only()


def test_a_callers_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "callers.toml"
    file.write_text('[[callers]]\nname = "a"\ncommon_name = "a"\nmethods = ["*"]\n')

    (caller,) = ToyServerSettings.load(callers_file=file).callers().callers

    assert caller.name == "a"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("TLS_CERT", "tls_cert and tls_key belong together: give both, or neither"),
        ("TLS_CLIENT_CA", "tls_client_ca needs tls_cert and tls_key: client certificates are part of TLS"),
    ],
)
def test_tls_files_come_together(given: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"MAYFLY_TOY_{given}", "/some/file")

    assert problems(ToyServerSettings) == (problem,)
