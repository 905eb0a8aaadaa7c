from __future__ import annotations

import grpc
import pytest
from mayfly.synth.v1 import synth_service_pb2 as synth_pb
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceStub

from mayfly_client.testing import FakeMayfly


def test_a_fake_that_does_not_run_says_so() -> None:
    with pytest.raises(RuntimeError, match="use it in a with statement"):
        FakeMayfly().client()


def test_fakes_do_not_know_of_each_other() -> None:
    with FakeMayfly() as one, FakeMayfly() as other, one.client() as client, other.client() as stranger:
        client.speak("Hello.")

        assert len({one.storage, one.synth, one.sweeper, other.storage, other.synth, other.sweeper}) == 6
        assert list(stranger.list()) == []
        assert other.calls[-1].method == "ListAudio"


def test_texts_are_kept_only_where_they_are_to_be() -> None:
    with FakeMayfly(keeps_text=False) as fake, fake.client() as client:
        speech = client.speak("Hello.")

        assert client.get(speech.name).text == ""
        assert not client.storage_info().keeps_text


def test_a_text_is_pronounced_sentence_by_sentence_and_without_times() -> None:
    with FakeMayfly() as fake, grpc.insecure_channel(fake.synth) as channel:
        answer = SynthServiceStub(channel).Phonemize(synth_pb.PhonemizeRequest(text="Good day. It's 4!"))

    told = [(each.index, each.graphemes, each.phonemes, each.HasField("timing")) for each in answer.segments]
    assert told == [(0, "Good day.", "good day", False), (1, "It's 4!", "its 4", False)]
    assert answer.voice == "en_US-fake-low"
