"""Voices from a folder: `NAME.onnx` with `NAME.onnx.json` beside it, as Piper publishes them.

Everything is checked and tried once before anything is served. A voice that cannot speak stops the start, and all
problems are told at once: a server that silently lacks a voice is found out by its callers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from piper import PiperVoice
from piper.config import PhonemeType, PiperConfig
from piper.const import BOS, EOS, PAD

from mayfly_runtime.heaps import release_free
from mayfly_synth.domain.voices import Voice, near_names
from mayfly_synth.engines import espeak
from mayfly_synth.engines.places import Places
from mayfly_synth.engines.sessions import open_session, wide_voice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SHIPPED_VOICE: Final = "en_US-mayfly-low"

_INPUTS: Final = frozenset(("input", "input_lengths", "scales"))
# The others need packages and downloads that a server must not make while it serves.
_PHONEME_TYPES: Final = (PhonemeType.ESPEAK, PhonemeType.TEXT)
_SAMPLE_RATES: Final = range(8_000, 48_001)
_GET_ONE: Final = "Get one with `python tools/fetch_voice.py en_US-lessac-medium`, or set MAYFLY_SYNTH_VOICES_DIR."


class VoiceFolderError(Exception):
    """Some voices, or all of them, cannot be used. The message lists every problem."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _NotAVoiceError(Exception):
    """One voice cannot be used; the message ends the sentence `FILE ...`."""


@dataclass(frozen=True, slots=True)
class LoadedVoice:
    """A voice that has spoken."""

    voice: Voice
    piper: PiperVoice
    wide: PiperVoice | None = None
    """The same with all cores for one utterance, where that is faster."""
    size_bytes: int = 0
    """Of its model in memory."""


@dataclass(frozen=True, slots=True)
class OpenedFolder:
    """Every voice of a folder, each of which has spoken, and those that are kept in memory."""

    voices: tuple[Voice, ...]
    """Ordered by name."""
    loaded: tuple[LoadedVoice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceFolder:
    """Where voices lie, and how they are loaded. Blocks: to be called in a thread."""

    path: Path
    lone_threads: int = 1
    """Threads for a lone caller, where that is faster."""
    places: Places = field(default_factory=Places)
    """Where those threads compute."""
    max_bytes: int = 0
    """Most bytes of models in memory. 0: no bound."""
    pinned: frozenset[str] = frozenset()
    """Names of voices that are kept in memory first."""

    def open(self) -> OpenedFolder:
        """Load, check and warm every voice. Takes about a second for each.

        Raises:
            VoiceFolderError: If the folder is missing or empty, or any file in it is not a Piper voice.
        """
        voices: list[Voice] = []
        loaded: list[LoadedVoice] = []
        problems = [f"{path.name} has no model: {path.stem} is missing beside it." for path in self._lonely_configs()]
        for model in self._models(problems):
            try:
                one = self._load(model)
            except _NotAVoiceError as error:
                problems.append(f"{model.parent.absolute() / str(error)}")
                continue
            voices.append(one.voice)
            if self._has_room(one, loaded):
                loaded.append(one)
        if problems:
            remedy = (
                f"Remove these files from {self.path.absolute()}, or fetch the voices again with tools/fetch_voice.py."
            )
            raise VoiceFolderError(*problems, remedy)
        self._check_pinned(voices)
        return OpenedFolder(tuple(sorted(voices, key=lambda voice: voice.name)), tuple(loaded))

    def load(self, name: str) -> LoadedVoice:
        """Load and warm one voice that was there at the start.

        Raises:
            VoiceFolderError: If it is not any more.
        """
        try:
            return self._load(self.path / f"{name}.onnx")
        except _NotAVoiceError as error:
            raise VoiceFolderError(f"{self.path.absolute() / str(error)}") from error

    def _models(self, problems: Sequence[str]) -> list[Path]:
        """Pinned ones first, so that they have room."""
        if not self.path.is_dir():
            raise VoiceFolderError(f"The voices folder {self.path.absolute()} does not exist. {_GET_ONE}")
        models = sorted(self.path.glob("*.onnx"), key=lambda path: (path.stem not in self.pinned, path))
        if not models and not problems:
            raise VoiceFolderError(f"The voices folder {self.path.absolute()} holds no voice (*.onnx). {_GET_ONE}")
        return models

    def _lonely_configs(self) -> list[Path]:
        return [path for path in sorted(self.path.glob("*.onnx.json")) if not path.with_suffix("").exists()]

    def _has_room(self, one: LoadedVoice, loaded: Sequence[LoadedVoice]) -> bool:
        fits = sum(each.size_bytes for each in loaded) + one.size_bytes <= self.max_bytes
        return fits or not self.max_bytes or one.voice.name in self.pinned

    def _check_pinned(self, voices: Sequence[Voice]) -> None:
        names = [voice.name for voice in voices]
        if missing := sorted(self.pinned.difference(names)):
            raise VoiceFolderError(
                f"MAYFLY_SYNTH_PINNED_VOICES names {', '.join(missing)}; there are {', '.join(names)}."
            )

    def _load(self, model: Path) -> LoadedVoice:
        description = model.with_name(f"{model.name}.json")
        for path in (model, description):
            _check_file(path)
        described = _read_description(description)
        try:
            config = PiperConfig.from_dict(described)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _NotAVoiceError(
                f"{model.name}.json is not the description of a Piper voice: {_why(error)}."
            ) from error
        _check_config(f"{model.name}.json", config)
        espeak.install()
        piper = PiperVoice(session=_session(model), config=config)
        _warm(model.name, piper)
        # Each session takes several times its own memory while it is loaded.
        release_free()
        wide = wide_voice(piper, model, threads=self.lone_threads, places=self.places)
        release_free()
        size = model.stat().st_size * (2 if wide else 1)
        return LoadedVoice(_voice(model.stem, described, piper), piper, wide, size)


def default_voice(voices: Sequence[Voice], *, asked: str) -> str:
    """The name of the voice for requests that name none.

    Args:
        voices: At least one.
        asked: The setting; empty: the voice that ships with Mayfly, or else the first one.

    Raises:
        VoiceFolderError: If the voice that is asked for is not there.
    """
    names = [voice.name for voice in voices]
    if asked and asked not in names:
        there = ", ".join(near_names(asked, names) or names[:10])
        raise VoiceFolderError(f"MAYFLY_SYNTH_DEFAULT_VOICE is {asked!r}, and the voices folder has {there}.")
    return asked or (SHIPPED_VOICE if SHIPPED_VOICE in names else names[0])


def _check_file(path: Path) -> None:
    """A pipe would be waited for, without an end."""
    if path.exists() and not path.is_file():
        raise _NotAVoiceError(f"{path.name} is no file.")


def _read_description(path: Path) -> dict[str, Any]:
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _NotAVoiceError(f"{path.stem} has no description: {path.name} is missing beside it.") from error
    except (ValueError, OSError) as error:
        raise _NotAVoiceError(f"{path.name} cannot be read as JSON: {error}.") from error
    if not isinstance(described, dict):
        raise _NotAVoiceError(f"{path.name} is not the description of a Piper voice: it is no JSON object.")
    return described


def _check_config(name: str, config: PiperConfig) -> None:
    if config.phoneme_type not in _PHONEME_TYPES:
        raise _NotAVoiceError(f"{name} asks for the phonemizer {config.phoneme_type.value!r}; this release has espeak.")
    if config.sample_rate not in _SAMPLE_RATES:
        raise _NotAVoiceError(f"{name} has the sample rate {config.sample_rate!r}; 8000 to 48000 is allowed.")
    if missing := [mark for mark in (PAD, BOS, EOS) if mark not in config.phoneme_id_map]:
        raise _NotAVoiceError(f"{name} has no phoneme ids for {', '.join(missing)}.")


def _session(model: Path) -> Any:
    try:
        session = open_session(model)
    except Exception as error:  # onnxruntime has a dozen exceptions without a common base of their own
        raise _NotAVoiceError(f"{model.name} is not an ONNX model, or is damaged: {_first_line(error)}") from error
    if missing := _INPUTS - {entry.name for entry in session.get_inputs()}:
        lacks = ", ".join(sorted(missing))
        raise _NotAVoiceError(f"{model.name} is an ONNX model, but no Piper voice: it has no input {lacks}.")
    return session


def _warm(name: str, piper: PiperVoice) -> None:
    """Speak once: the first inference is slow, and shows whether there is any."""
    try:
        phonemes = [phoneme for part in piper.phonemize("1 2 3.") for phoneme in part]
        known = phonemes or [phoneme for phoneme in piper.config.phoneme_id_map if phoneme not in (PAD, BOS, EOS)][:20]
        audio, _ = piper.phoneme_ids_to_audio(piper.phonemes_to_ids(known), include_alignments=True)
    except Exception as error:  # whatever a wrong model or an unknown language makes of it
        raise _NotAVoiceError(f"{name} does not speak: {_first_line(error)}") from error
    if audio.ndim != 1 or not audio.size or not np.isfinite(audio).all():
        raise _NotAVoiceError(f"{name} does not speak: what it makes is no sound.")


def _voice(name: str, described: dict[str, Any], piper: PiperVoice) -> Voice:
    language = described.get("language") or {}
    code = str(language.get("code") or piper.config.espeak_voice)
    return Voice(
        name=name,
        language_code=code,
        language=str(language.get("name_native") or code),
        quality=str(described["audio"].get("quality") or name.rpartition("-")[2]),
        sample_rate=piper.config.sample_rate,
        speakers=_speakers(piper.config),
        has_alignments=len(piper.session.get_outputs()) > 1,
        phonemes=frozenset(piper.config.phoneme_id_map) - {PAD, BOS, EOS},
    )


def _speakers(config: PiperConfig) -> tuple[str, ...]:
    if config.num_speakers <= 1:
        return ()
    names = {number: name for name, number in config.speaker_id_map.items()}
    return tuple(names.get(number, str(number)) for number in range(config.num_speakers))


def _why(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) and error.args else _first_line(error)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
