from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mayfly_runtime.settings import SettingsError
from mayfly_synth.config import SynthSettings


def test_the_defaults_are_those_of_one_machine() -> None:
    settings = SynthSettings.load()

    assert (settings.listen, settings.storage_target) == ("127.0.0.1:50061", "127.0.0.1:50051")
    assert settings.voices_dir == Path("voices")
    assert settings.worker_count() >= 1
    assert settings.tls_to_storage() is None


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "WORKERS": "3",
        "SENTENCE_SILENCE": "1s",
        "MAX_CHARACTERS": "10",
        "STORAGE_TLS": "true",
        "STORAGE_TLS_CA": "/ca.pem",
    }.items():
        monkeypatch.setenv(f"MAYFLY_SYNTH_{name}", value)

    settings = SynthSettings.load()

    assert settings.worker_count() == 3
    assert settings.limits().sentence_silence == timedelta(seconds=1)
    assert settings.limits().max_characters == 10
    tls = settings.tls_to_storage()
    assert tls is not None
    assert tls.ca_file == Path("/ca.pem")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"max_queued_characters": 10}, "at least max_characters"),
        ({"storage_tls_cert": "/c.pem", "storage_tls": True}, "belong together"),
        ({"storage_tls_ca": "/c.pem"}, "MAYFLY_SYNTH_STORAGE_TLS=true"),
        ({"sentence_silence": "11s"}, "SENTENCE_SILENCE"),
        ({"workers": -1}, "WORKERS"),
        ({"max_sentence_characters": 1}, "MAX_SENTENCE_CHARACTERS"),
    ],
)
def test_settings_that_make_no_sense_are_told(changes: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        SynthSettings.load(**changes)


def test_every_setting_says_what_it_is_for() -> None:
    assert [one.variable for one in SynthSettings.reference() if len(one.meaning) < 20] == []


def test_the_token_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYFLY_SYNTH_STORAGE_TOKEN", "canary")

    assert "canary" not in SynthSettings.load().describe()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"transcriber": "openai"}, "needs transcriber_url"),
        ({"transcriber": "openai", "transcriber_url": "whisper:8000"}, "an http:// or https:// address"),
        ({"transcriber": "openai", "transcriber_url": "https://ada:lovelace@whisper"}, "without user, password"),
        ({"transcriber": "openai", "transcriber_url": "https://whisper?key=sk-1"}, "without user, password or query"),
        ({"transcriber": "openai", "transcriber_url": "https://"}, "an http:// or https:// address"),
        ({"transcriber": "openai", "transcriber_url": "https://whisper:99999"}, "an http:// or https:// address"),
        ({"transcriber": "openai", "transcriber_url": "https://[::1"}, "an http:// or https:// address"),
        ({"transcriber_key": "sk-1", "transcriber_url": "http://whisper:8000"}, "use https://"),
        ({"transcriber_key": "sk-1", "transcriber_url": "http://localhost.example"}, "use https://"),
        ({"transcriber_key": "sk-1", "transcriber_url": "http://127.somewhere.example"}, "use https://"),
        ({"transcriber_key": "sk-1", "transcriber_url": "http://localhost:80@somewhere.example"}, "use https://"),
        ({"transcriber": "whisper"}, "pocketsphinx"),
        ({"max_input_bytes": 1}, "MAX_INPUT_BYTES"),
    ],
)
def test_processing_that_cannot_work_is_refused_at_the_start(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told) as refused:
        SynthSettings.load(**settings)

    assert "lovelace" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000", "https://whisper"]
)
def test_a_key_is_sent_to_this_machine_or_over_tls(url: str) -> None:
    settings = SynthSettings.load(transcriber="openai", transcriber_url=url, transcriber_key="sk-1")

    assert "sk-1" not in settings.describe()


def test_temporary_files_have_a_second_folder_unless_it_is_taken_away() -> None:
    assert len(SynthSettings.load().scratch_parents()) == 2
    assert len(SynthSettings.load(scratch_fallback_dir=None).scratch_parents()) == 1
