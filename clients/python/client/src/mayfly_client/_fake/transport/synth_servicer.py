"""SynthService with a voice that hums."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import grpc
from mayfly.storage.v1 import audio_pb2
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceServicer

from mayfly_client._fake import processing, speaking
from mayfly_client._fake.refusal import Refusal, invalid
from mayfly_client._fake.shelf import check_request_id
from mayfly_client._fake.sound import SAMPLE_RATE, seconds
from mayfly_client._fake.transport import storage_messages as messages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from mayfly_client._fake.shelf import Item
    from mayfly_client._fake.sound import Sentence
    from mayfly_client._fake.storage import FakeStorage

_CHUNK_BYTES = 65_536


class FakeSynthServicer(SynthServiceServicer):
    """Speaks tones, and keeps them on the shelf of the fake storage."""

    def __init__(self, storage: FakeStorage, *, transcript: str | None = None) -> None:
        self._storage = storage
        self._transcript = transcript

    def ListVoices(self, request: pb.ListVoicesRequest, context: grpc.ServicerContext) -> pb.ListVoicesResponse:
        """See the contract."""
        return pb.ListVoicesResponse(voices=speaking.voices_speaking(request.language_code))

    def GetVoice(self, request: pb.GetVoiceRequest, context: grpc.ServicerContext) -> pb.GetVoiceResponse:
        """See the contract."""
        if not request.name:
            raise invalid("name", "is required")
        return pb.GetVoiceResponse(voice=speaking.find_voice(request.name))

    def Synthesize(self, request: pb.SynthesizeRequest, context: grpc.ServicerContext) -> pb.SynthesizeResponse:
        """See the contract."""
        check_request_id(request.request_id)
        self._count(request.request_id, request.destination)
        text = speaking.without_markup(request.text) if request.options.ssml else request.text
        spoken = speaking.speak(text, speaking.Manner.of(request.options))
        answer = pb.SynthesizeResponse(
            segments=[_segment(index, each) for index, each in enumerate(spoken.sentences)],
            voice=spoken.voice.name,
            language_code=spoken.voice.language_code,
            sample_rate_hertz=SAMPLE_RATE,
        )
        if request.file_per_segment:
            self._store_each(answer, spoken, request)
        else:
            item = speaking.store(self._storage, spoken, text, request.request_id, request.destination)
            answer.audio.CopyFrom(self._stored(item, request.destination))
        return answer

    def StreamSynthesize(
        self,
        request_iterator: Iterator[pb.StreamSynthesizeRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[pb.StreamSynthesizeResponse]:
        """See the contract."""
        first = next(request_iterator, pb.StreamSynthesizeRequest())
        if first.WhichOneof("payload") != "config":
            raise invalid("config", "is required as the first message")
        check_request_id(first.config.request_id)
        self._count(first.config.request_id, first.config.destination, objects=0 if first.config.discard else 1)
        manner = speaking.Manner.of(first.config.options, field="config.options")
        header = pb.StreamHeader(
            content_type=manner.content_type,
            sample_rate_hertz=SAMPLE_RATE,
            voice=manner.voice.name,
        )
        # Before the text is looked at, as the real one does.
        yield pb.StreamSynthesizeResponse(header=header)
        text = "".join(message.text for message in request_iterator)
        spoken = speaking.speak(text, manner)
        data = spoken.encoded()
        for start in range(0, len(data), _CHUNK_BYTES):
            yield pb.StreamSynthesizeResponse(chunk=data[start : start + _CHUNK_BYTES])
        for index, each in enumerate(spoken.sentences):
            yield pb.StreamSynthesizeResponse(segment=_segment(index, each))
        yield pb.StreamSynthesizeResponse(trailer=self._trailer(spoken, text, first.config))

    def Phonemize(self, request: pb.PhonemizeRequest, context: grpc.ServicerContext) -> pb.PhonemizeResponse:
        """See the contract. Phonemes are the sentence's own letters."""
        voice, sentences = speaking.pronounce(request.text, request.voice)
        segments = [
            pb.Segment(index=index, graphemes=each.text, phonemes=each.phonemes) for index, each in enumerate(sentences)
        ]
        return pb.PhonemizeResponse(segments=segments, voice=voice.name)

    def ProcessAudio(
        self,
        request_iterator: Iterator[pb.ProcessAudioRequest],
        context: grpc.ServicerContext,
    ) -> pb.ProcessAudioResponse:
        """See the contract."""
        first = next(request_iterator, pb.ProcessAudioRequest())
        if first.WhichOneof("payload") != "config":
            raise invalid("config", "is required as the first message")
        config = first.config
        if config.transcribe and self._transcript is None:
            raise _no_transcriber()
        self._count(config.request_id, config.destination)
        source = processing.read(self._source(config, request_iterator))
        result = processing.process(source, config)
        where = pb.Destination()
        where.CopyFrom(config.destination)
        where.labels.update(processing.labels(source, config))
        item = speaking.keep(self._storage, result.data, result.about, config.request_id, where)
        answer = pb.ProcessAudioResponse(
            audio=self._stored(item, where),
            direct_upload=True,
            source_size_bytes=len(source.data),
            source_container=source.container,
            transcript=(self._transcript or "") if config.transcribe else "",
        )
        if not config.HasField("end_offset"):
            answer.source_duration.FromMilliseconds(round(len(source.pcm) * 1_000 / source.rate))
        return answer

    def _source(self, config: pb.ProcessConfig, requests: Iterator[pb.ProcessAudioRequest]) -> bytes:
        """What is sent, or what lies on the shelf."""
        if config.source_name:
            return self._storage.shelf.get(config.source_name).data or b""
        return processing.received(config, requests)

    def _store_each(
        self, answer: pb.SynthesizeResponse, spoken: speaking.Spoken, request: pb.SynthesizeRequest
    ) -> None:
        """A file for each sentence, under a request of its own."""
        for number, (segment, sentence) in enumerate(zip(answer.segments, spoken.sentences, strict=True)):
            where = pb.Destination()
            where.CopyFrom(request.destination)
            if where.key_fields:
                where.key_fields["index"] = str(number)
            part, request_id = spoken.only(sentence), str(uuid5(UUID(request.request_id), str(number)))
            item = speaking.store(self._storage, part, sentence.text, request_id, where)
            segment.audio.CopyFrom(self._stored(item, where))

    def _count(self, request_id: str, where: pb.Destination, *, objects: int = 1) -> None:
        """Before any work, as the real one does."""
        if who := where.WhichOneof("subject"):
            subject = audio_pb2.Subject(**{who: getattr(where, who)})
            self._storage.quotas.count(f"speech {request_id}", subject, objects=objects)

    def _trailer(self, spoken: speaking.Spoken, text: str, config: pb.StreamConfig) -> pb.StreamTrailer:
        trailer = pb.StreamTrailer()
        trailer.duration.FromMilliseconds(round(seconds(spoken.pcm) * 1_000))
        if not config.discard:
            item = speaking.store(self._storage, spoken, text, config.request_id, config.destination)
            trailer.audio.CopyFrom(self._stored(item, config.destination))
        return trailer

    def _stored(self, item: Item, where: pb.Destination) -> pb.StoredAudio:
        ttl: timedelta | None = where.url_ttl.ToTimedelta() if where.HasField("url_ttl") else None
        link = self._storage.sign(item, ttl)
        return pb.StoredAudio(
            name=item.name,
            collection=item.kind.id,
            object_key=item.object_key,
            file_name=item.object_key.rpartition("/")[2],
            content_type=item.new.content_type,
            size_bytes=item.size_bytes,
            duration=item.new.duration,
            create_time=messages.timestamp(item.create_time),
            expire_time=messages.timestamp(item.expire_time) if item.expire_time else None,
            url=link.url,
            url_expire_time=messages.timestamp(link.expire_time),
            sha256=item.sha256,
            local=True,
        )


def _no_transcriber() -> Refusal:
    return Refusal(
        code=grpc.StatusCode.FAILED_PRECONDITION,
        reason="TRANSCRIBER_MISSING",
        message="a transcript was asked for, and this server has no transcriber",
        metadata={"setting": "MAYFLY_SYNTH_TRANSCRIBER"},
    )


def _segment(index: int, sentence: Sentence) -> pb.Segment:
    heard = pb.Timing(
        start_offset=messages.duration(sentence.start),
        end_offset=messages.duration(sentence.end),
    )
    return pb.Segment(index=index, graphemes=sentence.text, timing=heard, words_estimated=True)
