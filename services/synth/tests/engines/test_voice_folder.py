from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import piper
import pytest
from piper.config import PiperConfig

from mayfly_synth.engines import sessions
from mayfly_synth.engines.sessions import open_wide_sessions, wide_voice
from mayfly_synth.engines.voice_folder import VoiceFolder, VoiceFolderError, _speakers, default_voice
from mayfly_synth.testing import load_voices

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "en_US-mayfly-low"
NOT_PIPER = Path(piper.__file__).parent / "tashkeel" / "model.onnx"

DESCRIPTION = {
    "num_symbols": 3,
    "num_speakers": 1,
    "audio": {"sample_rate": 16_000},
    "espeak": {"voice": "en-us"},
    "phoneme_id_map": {"_": [0], "^": [1], "$": [2]},
}


@pytest.fixture
def folder(tmp_path: Path, voices_dir: Path) -> Path:
    """A folder with one good voice."""
    for suffix in (".onnx", ".onnx.json"):
        shutil.copy(voices_dir / f"{NAME}{suffix}", tmp_path)
    return tmp_path


def describe(folder: Path, **changes: Any) -> None:
    path = folder / f"{NAME}.onnx.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def problem(folder: Path) -> str:
    with pytest.raises(VoiceFolderError) as failed:
        load_voices(folder)
    return str(failed.value)


def test_the_shipped_voice_is_loaded_with_its_facts(folder: Path) -> None:
    (loaded,) = load_voices(folder)

    voice = loaded.voice
    assert (voice.name, voice.language_code, voice.language, voice.quality) == (NAME, "en_US", "English", "low")
    assert (voice.sample_rate, voice.speakers, voice.has_alignments) == (16_000, (), True)


def test_a_voice_has_one_thread_so_that_workers_share_the_cores(folder: Path) -> None:
    (loaded,) = load_voices(folder)

    options = loaded.piper.session.get_session_options()
    assert options.intra_op_num_threads == 1
    assert not options.enable_mem_pattern  # one for each length, for ever


def test_a_missing_folder_is_told_with_what_to_do(tmp_path: Path) -> None:
    told = problem(tmp_path / "nothing")

    assert str(tmp_path / "nothing") in told
    assert "tools/fetch_voice.py" in told
    assert "MAYFLY_SYNTH_VOICES_DIR" in told


def test_an_empty_folder_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("no voice")

    assert "holds no voice" in problem(tmp_path)


def test_a_file_in_the_place_of_the_folder_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "voices").write_text("")

    assert "does not exist" in problem(tmp_path / "voices")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"audio": 3}', "\x00\x01", '{"audio": {"sample_rate": 1}}']
)
def test_a_description_that_is_none_is_named(folder: Path, content: str) -> None:
    (folder / f"{NAME}.onnx.json").write_text(content)

    assert f"{NAME}.onnx.json" in problem(folder)


@pytest.mark.parametrize("suffix", [".onnx", ".onnx.json"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_told_and_not_waited_for(folder: Path, suffix: str, make: Callable[[Path], None]) -> None:
    path = folder / f"{NAME}{suffix}"
    path.unlink()
    make(path)

    assert f"{path.name} is no file" in problem(folder)


def test_a_missing_key_is_named(folder: Path) -> None:
    path = folder / f"{NAME}.onnx.json"
    described = json.loads(path.read_text())
    del described["phoneme_id_map"]
    path.write_text(json.dumps(described))

    assert "'phoneme_id_map' is missing" in problem(folder)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"phoneme_type": "pinyin"}, "phonemizer 'pinyin'"),
        ({"phoneme_type": "klingon"}, "klingon"),
        ({"audio": {"sample_rate": 3}}, "sample rate 3"),
        ({"audio": {"sample_rate": "16000"}}, "sample rate '16000'"),
        ({"phoneme_id_map": {"a": [1]}}, "no phoneme ids for _, ^, $"),
        ({"espeak": {"voice": "xx-nowhere"}}, "does not speak"),
    ],
)
def test_a_description_that_cannot_be_right_is_told(folder: Path, changes: dict[str, Any], told: str) -> None:
    describe(folder, **changes)

    assert told in problem(folder)


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"\x08\x07" * 1000])
def test_a_model_that_is_no_onnx_is_named(folder: Path, content: bytes) -> None:
    (folder / f"{NAME}.onnx").write_bytes(content)

    told = problem(folder)
    assert f"{NAME}.onnx is not an ONNX model" in told
    assert "fetch" in told


def test_a_truncated_model_is_named(folder: Path) -> None:
    path = folder / f"{NAME}.onnx"
    path.write_bytes(path.read_bytes()[:100_000])

    assert f"{NAME}.onnx is not an ONNX model, or is damaged" in problem(folder)


def test_an_onnx_model_that_is_no_voice_is_told_apart(folder: Path) -> None:
    shutil.copy(NOT_PIPER, folder / f"{NAME}.onnx")

    assert "no Piper voice" in problem(folder)


def test_a_model_without_description_and_a_description_without_model_are_named(folder: Path) -> None:
    (folder / f"{NAME}.onnx.json").rename(folder / "other.onnx.json")

    told = problem(folder)
    assert f"{NAME}.onnx.json is missing" in told
    assert "other.onnx is missing" in told


def test_all_problems_are_told_at_once_and_one_bad_voice_stops_the_start(folder: Path) -> None:
    (folder / "one.onnx").write_text("no model")
    (folder / "two.onnx").write_text("no model")
    (folder / "two.onnx.json").write_text("{")

    told = problem(folder)
    assert "one.onnx.json is missing" in told
    assert "two.onnx.json" in told
    assert f"/{NAME}.onnx" not in told


def test_a_description_with_speakers_that_the_model_does_not_take_is_told(folder: Path) -> None:
    describe(folder, num_speakers=3, speaker_id_map={"zoe": 0, "ann": 2})

    assert "does not speak" in problem(folder)


def test_speakers_are_in_the_order_of_their_ids_and_nameless_ones_have_their_number() -> None:
    config = PiperConfig.from_dict({**DESCRIPTION, "num_speakers": 3, "speaker_id_map": {"ann": 2, "zoe": 0}})

    assert _speakers(config) == ("zoe", "1", "ann")


def test_the_default_voice_is_the_one_that_is_asked_for_or_the_shipped_one(folder: Path) -> None:
    loaded = [one.voice for one in load_voices(folder)]

    assert default_voice(loaded, asked="") == NAME
    assert default_voice(loaded, asked=NAME) == NAME


def test_a_default_voice_that_is_not_there_is_told_with_near_names(folder: Path) -> None:
    with pytest.raises(VoiceFolderError, match=NAME):
        default_voice([one.voice for one in load_voices(folder)], asked="en_US-mayfly-lo")


def copies(folder: Path, *names: str) -> None:
    for name in names:
        for suffix in (".onnx", ".onnx.json"):
            shutil.copy(folder / f"{NAME}{suffix}", folder / f"{name}{suffix}")


def test_of_voices_beyond_the_bound_only_the_facts_stay(folder: Path) -> None:
    copies(folder, "en_US-b-low", "en_US-a-low")
    size = (folder / f"{NAME}.onnx").stat().st_size

    opened = VoiceFolder(path=folder, max_bytes=2 * size, pinned=frozenset([NAME])).open()

    assert [voice.name for voice in opened.voices] == ["en_US-a-low", "en_US-b-low", NAME]
    assert [one.voice.name for one in opened.loaded] == [NAME, "en_US-a-low"]
    assert [one.size_bytes for one in opened.loaded] == [size, size]


def test_a_voice_beyond_the_bound_is_checked_all_the_same(folder: Path) -> None:
    copies(folder, "en_US-z-low")
    (folder / "en_US-z-low.onnx").write_bytes(b"no model")

    with pytest.raises(VoiceFolderError, match="en_US-z-low"):
        VoiceFolder(path=folder, max_bytes=1).open()


def test_a_pinned_voice_has_to_be_there(folder: Path) -> None:
    with pytest.raises(VoiceFolderError, match="MAYFLY_SYNTH_PINNED_VOICES names nobody; there are en_US-mayfly-low"):
        VoiceFolder(path=folder, pinned=frozenset(["nobody"])).open()


def test_a_voice_that_went_is_told_when_it_is_loaded_again(folder: Path) -> None:
    with pytest.raises(VoiceFolderError, match="nobody"):
        VoiceFolder(path=folder).load("nobody")


def test_where_a_lone_caller_has_one_thread_there_is_no_second_session(folder: Path) -> None:
    (loaded,) = VoiceFolder(path=folder, lone_threads=1).open().loaded

    assert loaded.wide is None


PLAIN, PLANES = 0, 1
"""The sessions on two threads, in the order in which they are tried."""


@pytest.mark.parametrize(
    ("lengths", "best"),
    [
        ([1.0, 0.6, 0.7], PLAIN),
        ([1.0, 0.7, 0.6], PLANES),
        ([1.0, 0.85, 0.9], PLAIN),
        ([1.0, 0.95, 0.85], PLANES),
        ([1.0, 0.9, 0.9, 1.0], None),
        ([0.004], None),
        ([0.02, 0.03, 0.03, 0.02, 0.05, 0.03, 0.02, 0.012, 0.03], PLAIN),
        ([0.02, 0.018, 0.03, 0.02, 0.05, 0.017, 0.02, 0.02, 0.03] + [0.02] * 30, PLANES),
        ([0.02, 0.012, 0.015, 0.01] + [0.02] * 30, PLAIN),
        ([0.02, 0.03, 0.03, 0.02, 0.05, 0.05] + [0.02] * 30, None),
    ],
    ids=[
        "faster",
        "faster over planes",
        "as two threads of one core are",
        "as those are over planes",
        "about as fast",
        "not worth it",
        "faster when others let it",
        "faster by its best try",
        "the first try",
        "never",
    ],
)
def test_a_second_session_is_kept_where_it_is_noticeably_faster(
    folder: Path, lengths: list[float], best: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what a sentence takes, on one thread and in both ways on two, in turn, three times each."""
    (loaded,) = load_voices(folder)
    times = iter([time for length in lengths for _ in range(3) for time in (0.0, length)])
    opened: list[Any] = []

    def noted(*given: Any, **named: Any) -> list[Any]:
        opened.extend(open_wide_sessions(*given, **named))
        return opened

    monkeypatch.setattr(sessions, "open_wide_sessions", noted)

    found = wide_voice(loaded.piper, folder / f"{NAME}.onnx", threads=2, monotonic=lambda: next(times))

    assert (found and found.session) is (None if best is None else opened[best])
    assert {session.get_session_options().intra_op_num_threads for session in opened} <= {2}
