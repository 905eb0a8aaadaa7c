"""A fake synth apart from its wire: checks of a text, voices, and speech that is put on the shelf."""

from __future__ import annotations

import difflib
import hashlib
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import grpc
from mayfly.storage.v1 import audio_pb2
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1 import voice_pb2

from mayfly_client._fake import sound
from mayfly_client._fake.refusal import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mayfly_client._fake.shelf import Item
    from mayfly_client._fake.storage import FakeStorage

VOICES = (
    voice_pb2.Voice(
        name="en_US-fake-low",
        language_code="en_US",
        language="English",
        quality="low",
        sample_rate_hertz=sound.SAMPLE_RATE,
        is_default=True,
    ),
    voice_pb2.Voice(
        name="de_DE-fake-low",
        language_code="de_DE",
        language="Deutsch",
        quality="low",
        sample_rate_hertz=sound.SAMPLE_RATE,
        speakers=["anna", "otto"],
    ),
)

MAX_CHARACTERS = 5_000
_CONTENT_TYPES: Mapping[int, str] = {
    voice_pb2.AUDIO_FORMAT_UNSPECIFIED: "audio/wav",
    voice_pb2.AUDIO_FORMAT_WAV: "audio/wav",
    voice_pb2.AUDIO_FORMAT_MP3: "audio/mpeg",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A spoken text."""

    voice: voice_pb2.Voice
    content_type: str
    sentences: list[sound.Sentence]
    pcm: bytes

    def encoded(self) -> bytes:
        """The file."""
        return sound.wav(self.pcm) if self.content_type == "audio/wav" else sound.mp3(self.pcm)

    def only(self, sentence: sound.Sentence) -> Spoken:
        """One of its sentences."""
        return replace(self, sentences=[sentence], pcm=sound.samples(sentence))


def without_markup(document: str) -> str:
    """The text of SSML, roughly: reading it is the real synth's business."""
    return re.sub(r"<[^>]*>", " ", document).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How to speak, whatever the text."""

    voice: voice_pb2.Voice
    content_type: str
    speed: float

    @classmethod
    def of(cls, options: pb.SpeechOptions, *, field: str = "options") -> Manner:
        """What is asked for; or refuse it by the field's name."""
        voice = _choose(options.voice, options.language_code, field=f"{field}.language_code")
        if options.speaker and options.speaker not in voice.speakers:
            metadata = {"voice": voice.name, "speaker": options.speaker, "allowed": ", ".join(voice.speakers)}
            raise _missing("SPEAKER_UNKNOWN", f"{voice.name} has no speaker {options.speaker!r}", metadata)
        speed = options.speed if options.HasField("speed") else 1.0
        if not 0.25 <= speed <= 4.0:
            raise invalid(f"{field}.speed", "must be 0.25 to 4.0")
        return cls(voice=voice, content_type=written_type(options.format), speed=speed)


def speak(text: str, manner: Manner) -> Spoken:
    """Speak a text, or refuse it."""
    _check_text(text)
    sentences = _sentences(text, manner.speed)
    pcm = b"".join(sound.samples(each) for each in sentences)
    return Spoken(voice=manner.voice, content_type=manner.content_type, sentences=sentences, pcm=pcm)


def pronounce(text: str, voice: str) -> tuple[voice_pb2.Voice, list[sound.Sentence]]:
    """The voice that is asked how it would say a text, and the sentences; or refuse it."""
    _check_text(text)
    return find_voice(voice), _sentences(text)


def store(storage: FakeStorage, spoken: Spoken, text: str, request_id: str, where: pb.Destination) -> Item:
    """Put the file on the shelf."""
    about = audio_pb2.NewAudio(content_type=spoken.content_type, voice=spoken.voice.name, text=text)
    about.duration.FromMilliseconds(round(sound.seconds(spoken.pcm) * 1_000))
    return keep(storage, spoken.encoded(), about, request_id, where)


def keep(storage: FakeStorage, data: bytes, about: audio_pb2.NewAudio, request_id: str, where: pb.Destination) -> Item:
    """Put a file on the shelf, where the caller wants it."""
    new = audio_pb2.NewAudio(
        collection=where.collection or "temp-audio", key_fields=where.key_fields, labels=where.labels
    )
    new.MergeFrom(about)
    if where.HasField("ttl"):
        new.ttl.CopyFrom(where.ttl)
    if where.HasField("expire_time"):
        new.expire_time.CopyFrom(where.expire_time)
    if who := where.WhichOneof("subject"):
        setattr(new.subject, who, getattr(where, who))
    try:
        item = storage.shelf.reserve(request_id, new, len(data), hashlib.sha256(data).digest())
    except Refusal as refusal:
        raise _by_synth(refusal, request_id) from refusal
    if item.ready:
        return item
    storage.shelf.put(item.audio_id, item.attempt, data)
    return storage.shelf.commit(item.name, item.attempt)


def find_voice(name: str) -> voice_pb2.Voice:
    """The voice of this name, or the default one; Refusal with near names if there is none."""
    if not name:
        return VOICES[0]
    names = [each.name for each in VOICES]
    if name not in names:
        near = difflib.get_close_matches(name, names)
        metadata = {"voice": name, **({"near": ", ".join(near)} if near else {})}
        raise _missing("VOICE_UNKNOWN", f"no voice is named {name!r}", metadata)
    return VOICES[names.index(name)]


def voices_speaking(language_code: str) -> list[voice_pb2.Voice]:
    """The voices of a language by name, or all of them: `en` is every English, `en_US` and `en-us` are one of them."""
    return sorted((each for each in VOICES if _speaks(each, language_code)), key=lambda each: each.name)


def _choose(name: str, language_code: str, *, field: str) -> voice_pb2.Voice:
    """The voice of this name, or the default one, or the first of the language; or refuse it."""
    candidates = [find_voice(name)] if name else [VOICES[0], *voices_speaking(language_code)]
    for voice in candidates:
        if _speaks(voice, language_code):
            return voice
    raise invalid(field, f"no voice that may be meant speaks {language_code!r}")


def _speaks(voice: voice_pb2.Voice, language_code: str) -> bool:
    asked, own = [code.replace("-", "_").lower() for code in (language_code, voice.language_code)]
    return not asked or asked == own or own.startswith(f"{asked}_")


def _check_text(text: str) -> None:
    if not text.strip():
        raise _text("TEXT_EMPTY", "there is nothing to speak", {"field": "text"})
    if len(text) > MAX_CHARACTERS:
        metadata = {"characters": str(len(text)), "max_characters": str(MAX_CHARACTERS)}
        raise _text("TEXT_TOO_LONG", f"{len(text):,} characters are more than {MAX_CHARACTERS:,}", metadata)
    for position, character in enumerate(text):
        if unicodedata.category(character) == "Cc" and character not in "\t\r\n":
            raise _unspeakable(position, f"a control character stands at position {position}")


def _sentences(text: str, speed: float = 1.0) -> list[sound.Sentence]:
    found = sound.sentences(text, speed)
    if not found:
        raise _unspeakable(0, "a voice can pronounce nothing of it")
    return found


def written_type(value: voice_pb2.AudioFormat.ValueType) -> str:
    """The MIME type of a format; Refusal for one that a fake cannot write."""
    if value not in _CONTENT_TYPES:
        name = voice_pb2.AudioFormat.Name(value).removeprefix("AUDIO_FORMAT_").lower()
        raise Refusal(
            code=grpc.StatusCode.INVALID_ARGUMENT,
            reason="FORMAT_UNKNOWN",
            message=f"this server cannot write {name}; it writes wav, mp3",
            metadata={"format": name, "allowed": "wav, mp3"},
        )
    return _CONTENT_TYPES[value]


def _by_synth(refusal: Refusal, request_id: str) -> Refusal:
    """How synth tells what storage refused."""
    if refusal.reason == "QUOTA_EXCEEDED":
        return refusal
    if refusal.reason == "IDEMPOTENCY_KEY_REUSED":
        return Refusal(
            code=grpc.StatusCode.ALREADY_EXISTS,
            reason="REQUEST_ID_REUSED",
            message=refusal.message,
            metadata={"request_id": request_id},
        )
    return Refusal(
        code=grpc.StatusCode.FAILED_PRECONDITION,
        reason="STORAGE_REFUSED",
        message=refusal.message,
        metadata={"storage_reason": refusal.reason},
    )


def _unspeakable(position: int, message: str) -> Refusal:
    return _text("TEXT_UNSPEAKABLE", message, {"field": "text", "position": str(position)})


def _text(reason: str, message: str, metadata: Mapping[str, str]) -> Refusal:
    return Refusal(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason=reason,
        message=message,
        metadata=metadata,
        fields={"text": message},
    )


def _missing(reason: str, message: str, metadata: Mapping[str, str]) -> Refusal:
    return Refusal(code=grpc.StatusCode.NOT_FOUND, reason=reason, message=message, metadata=metadata)
