"""The fake refuses as the contracts say: what a caller's test learns from it must hold for the real servers."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import re
import wave
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import grpc
import httpx
import pytest
from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import storage_service_pb2 as storage_pb
from mayfly.storage.v1.storage_service_pb2_grpc import StorageServiceStub
from mayfly.sweeper.v1 import sweeper_service_pb2 as sweeper_pb
from mayfly.sweeper.v1.sweeper_service_pb2_grpc import SweeperServiceStub
from mayfly.synth.v1 import synth_service_pb2 as synth_pb
from mayfly.synth.v1 import voice_pb2
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceStub

import mayfly_client._fake
from mayfly_client.errors import from_rpc_error
from mayfly_client.testing import FakeMayfly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mayfly_client import MayflyError

# Raised only after the caller's quota was reserved, which has a test of its own.
LEFT_OUT = {"QUOTA_EXCEEDED"}
PROTOS = Path(__file__).resolve().parents[5] / "protos/mayfly"
# The reason of a value and the ErrorInfo that its comment shows.
VALUE = re.compile(r"//     (\{.*\})\n  ERROR_REASON_(\w+) = \d+;")


def promised() -> dict[str, dict[str, set[str]]]:
    """The keys of the metadata, by domain and reason, as the comments of the contracts show them."""
    found: dict[str, dict[str, set[str]]] = {}
    for path in sorted(PROTOS.glob("*/v1/error_reason.proto")):
        for example, reason in VALUE.findall(path.read_text()):
            info = json.loads(example)
            found.setdefault(info["domain"], {})[reason] = set(info["metadata"])
    return found


class Servers:
    """Raw stubs: a client would not send what is wrong in itself."""

    def __init__(self, fake: FakeMayfly) -> None:
        self.fake = fake
        self.channels = [grpc.insecure_channel(each) for each in (fake.storage, fake.synth, fake.sweeper)]
        self.storage = StorageServiceStub(self.channels[0])
        self.synth = SynthServiceStub(self.channels[1])
        self.sweeper = SweeperServiceStub(self.channels[2])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for each in self.channels:
            each.close()

    def upload(
        self, *, request_id: str = "", size_bytes: int = 4, sha256: bytes = bytes(32), **audio: Any
    ) -> storage_pb.CreateUploadResponse:
        """Begin an upload, of bytes whose digest is nobody's unless it is said."""
        return self.storage.CreateUpload(
            storage_pb.CreateUploadRequest(
                request_id=request_id or str(uuid4()),
                audio=audio_pb2.NewAudio(**{"collection": "temp-audio", "content_type": "audio/wav", **audio}),
                size_bytes=size_bytes,
                sha256=sha256,
            ),
        )

    def commit(self, made: storage_pb.CreateUploadResponse, attempt: str = "") -> object:
        request = storage_pb.CommitUploadRequest(name=made.audio.name, attempt=attempt or made.grant.attempt)
        return self.storage.CommitUpload(request)

    def speak(self, text: str = "Hello.", *, request_id: str = "", **options: Any) -> object:
        request = synth_pb.SynthesizeRequest(request_id=request_id or str(uuid4()), text=text)
        request.options.MergeFrom(synth_pb.SpeechOptions(**options))
        return self.synth.Synthesize(request)

    def process(self, data: bytes, *, sha256: bytes = b"", **config: Any) -> object:
        footer = synth_pb.ProcessFooter(size_bytes=len(data), sha256=sha256 or hashlib.sha256(data).digest())
        requests = [
            synth_pb.ProcessAudioRequest(config=synth_pb.ProcessConfig(request_id=str(uuid4()), **config)),
            synth_pb.ProcessAudioRequest(chunk=data),
            synth_pb.ProcessAudioRequest(footer=footer),
        ]
        return self.synth.ProcessAudio(iter(requests))


def a_second_of_silence() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8_000)
        writer.writeframes(bytes(16_000))
    return file.getvalue()


SILENCE = a_second_of_silence()


def put_riff(made: storage_pb.CreateUploadResponse) -> None:
    httpx.put(made.grant.url, content=b"RIFF", headers=dict(made.grant.headers), timeout=60).raise_for_status()


def damage(servers: Servers) -> None:
    made = servers.upload()
    put_riff(made)
    servers.commit(made)


def commit_too_late(servers: Servers) -> None:
    made = servers.upload(sha256=hashlib.sha256(b"RIFF").digest(), ttl={"seconds": 60})
    put_riff(made)
    servers.fake.clock.advance(60)
    servers.commit(made)


def begin_twice(servers: Servers) -> None:
    for request_id in (str(uuid4()), str(uuid4())):
        whose = audio_pb2.Subject(user_id="u1")
        keys = {"recording_id": "r1"}
        servers.upload(request_id=request_id, collection="recordings", key_fields=keys, subject=whose)


def begin_another(servers: Servers) -> None:
    request_id = str(uuid4())
    servers.upload(request_id=request_id)
    servers.upload(request_id=request_id, voice="another")


def come_late(servers: Servers) -> None:
    request_id = str(uuid4())
    made = servers.upload(request_id=request_id, sha256=hashlib.sha256(b"RIFF").digest())
    put_riff(made)
    servers.commit(made)
    servers.storage.DeleteAudio(storage_pb.DeleteAudioRequest(name=made.audio.name))
    servers.upload(request_id=request_id, sha256=hashlib.sha256(b"RIFF").digest())


def speak_another(servers: Servers) -> None:
    request_id = str(uuid4())
    servers.speak("Hello.", request_id=request_id)
    servers.speak("Good bye.", request_id=request_id)


def speak_nowhere(servers: Servers) -> None:
    request = synth_pb.SynthesizeRequest(request_id=str(uuid4()), text="Hello.")
    request.destination.collection = "nowhere"
    servers.synth.Synthesize(request)


STORAGE: Mapping[str, Callable[[Servers], object]] = {
    "INVALID_REQUEST": lambda servers: servers.storage.GetAudio(storage_pb.GetAudioRequest()),
    "NOT_IMPLEMENTED": lambda servers: servers.storage.BatchDeleteAudio(storage_pb.BatchDeleteAudioRequest()),
    "COLLECTION_UNKNOWN": lambda servers: servers.upload(collection="nowhere"),
    "CONTENT_TYPE_NOT_ALLOWED": lambda servers: servers.upload(content_type="image/png"),
    "AUDIO_TOO_LARGE": lambda servers: servers.upload(size_bytes=10**12),
    "AUDIO_NOT_FOUND": lambda servers: servers.storage.GetAudio(storage_pb.GetAudioRequest(name="audio/x")),
    "OBJECT_KEY_TAKEN": begin_twice,
    "IDEMPOTENCY_KEY_REUSED": begin_another,
    "REQUEST_EXPIRED": come_late,
    "UPLOAD_INCOMPLETE": lambda servers: servers.commit(servers.upload()),
    "CONTENT_MISMATCH": damage,
    "UPLOAD_FENCED": lambda servers: servers.commit(servers.upload(), attempt="another"),
    "LIFETIME_OVER": commit_too_late,
    "PAGE_TOKEN_INVALID": lambda servers: servers.storage.ListAudio(storage_pb.ListAudioRequest(page_token="x")),
}
SYNTH: Mapping[str, Callable[[Servers], object]] = {
    "INVALID_REQUEST": lambda servers: servers.speak(speed=9),
    "TEXT_EMPTY": lambda servers: servers.speak(" "),
    "TEXT_TOO_LONG": lambda servers: servers.speak("x" * 100_000),
    "TEXT_UNSPEAKABLE": lambda servers: servers.speak("\a"),
    "VOICE_UNKNOWN": lambda servers: servers.speak(voice="en_US-fake-lo"),
    "SPEAKER_UNKNOWN": lambda servers: servers.speak(speaker="nobody"),
    "FORMAT_UNKNOWN": lambda servers: servers.speak(format=voice_pb2.AUDIO_FORMAT_ALAW),
    "STORAGE_REFUSED": speak_nowhere,
    "REQUEST_ID_REUSED": speak_another,
    "AUDIO_UNREADABLE": lambda servers: servers.process(b"neither fish nor fowl"),
    "AUDIO_SILENT": lambda servers: servers.process(SILENCE, trim_silence=True),
    "INPUT_INCOMPLETE": lambda servers: servers.process(SILENCE, sha256=bytes(32)),
    "TRANSCRIBER_MISSING": lambda servers: servers.process(SILENCE, transcribe=True),
}
SWEEPER: Mapping[str, Callable[[Servers], object]] = {
    "INVALID_REQUEST": lambda servers: servers.sweeper.StartSweep(sweeper_pb.StartSweepRequest()),
    "SWEEP_NOT_FOUND": lambda servers: servers.sweeper.GetSweep(sweeper_pb.GetSweepRequest(name="sweeps/x")),
}
CASES = [
    pytest.param(f"{service}.mayfly", reason, call, id=f"{service}-{reason}")
    for service, cases in (("storage", STORAGE), ("synth", SYNTH), ("sweeper", SWEEPER))
    for reason, call in cases.items()
]


@pytest.fixture
def servers(fake: FakeMayfly) -> Iterator[Servers]:
    with Servers(fake) as servers:
        yield servers


def refusal(call: Callable[[], object]) -> MayflyError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return from_rpc_error(caught.value)


@pytest.mark.parametrize(("domain", "reason", "call"), CASES)
def test_a_refusal_has_the_metadata_of_the_contract(
    servers: Servers, domain: str, reason: str, call: Callable[[Servers], object]
) -> None:
    error = refusal(lambda: call(servers))

    assert (error.domain, error.reason) == (domain, reason)
    assert set(error.metadata) == promised()[domain][reason]


def test_an_unknown_voice_without_a_near_name_has_no_empty_hint(servers: Servers) -> None:
    error = refusal(lambda: servers.speak(voice="zzzzzzzz"))

    assert error.metadata == {"voice": "zzzzzzzz"}


@pytest.mark.parametrize(
    ("text", "voice"), [("", ""), ("\a", ""), ("...", ""), ("x" * 5_001, ""), ("Hello.", "nobody")]
)
def test_what_cannot_be_pronounced_is_refused_as_if_it_were_to_be_spoken(
    servers: Servers, text: str, voice: str
) -> None:
    asked = synth_pb.PhonemizeRequest(text=text, voice=voice)

    unpronounced = refusal(lambda: servers.synth.Phonemize(asked))
    unspoken = refusal(lambda: servers.speak(text, voice=voice))

    assert (unpronounced.reason, unpronounced.metadata) == (unspoken.reason, unspoken.metadata)


def test_a_caller_that_is_not_known_is_told_nothing_more() -> None:
    with FakeMayfly(token="sesame") as fake, Servers(fake) as servers:
        error = refusal(lambda: servers.storage.GetStorageInfo(storage_pb.GetStorageInfoRequest()))

    assert (error.reason, error.metadata) == ("CALLER_UNAUTHENTICATED", {})


def abandon(servers: Servers, made: storage_pb.CreateUploadResponse) -> None:
    servers.storage.AbandonUpload(storage_pb.AbandonUploadRequest(name=made.audio.name, attempt=made.grant.attempt))


def commit_something_else(servers: Servers, made: storage_pb.CreateUploadResponse) -> None:
    put_riff(made)
    with pytest.raises(grpc.RpcError, match="is not what was announced"):
        servers.commit(made)


def let_it_run_out(servers: Servers, _made: storage_pb.CreateUploadResponse) -> None:
    servers.fake.clock.advance(timedelta(minutes=2))


def let_it_be_swept(servers: Servers, made: storage_pb.CreateUploadResponse) -> None:
    let_it_run_out(servers, made)
    servers.sweeper.StartSweep(sweeper_pb.StartSweepRequest(request_id=str(uuid4())))


@pytest.mark.parametrize("give_up", [abandon, commit_something_else, let_it_run_out, let_it_be_swept])
def test_an_upload_that_was_given_up_begins_again_with_its_request_id(
    servers: Servers, give_up: Callable[[Servers, storage_pb.CreateUploadResponse], None]
) -> None:
    request_id = str(uuid4())
    given_up = servers.upload(request_id=request_id)
    give_up(servers, given_up)

    again = servers.upload(request_id=request_id)

    assert again.audio.name != given_up.audio.name
    put_riff(again)


def test_no_reason_of_the_fake_is_left_out_here() -> None:
    folder = Path(mayfly_client._fake.__file__).parent
    nodes = [node for path in sorted(folder.rglob("*.py")) for node in ast.walk(ast.parse(path.read_text()))]
    words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}

    reasons = {reason for known in promised().values() for reason in known}
    assert words & reasons - LEFT_OUT == {*STORAGE, *SYNTH, *SWEEPER, "CALLER_UNAUTHENTICATED"}
