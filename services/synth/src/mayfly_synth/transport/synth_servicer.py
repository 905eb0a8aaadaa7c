"""SynthService: parse, call, convert."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1 import synth_service_pb2_grpc

from mayfly_runtime.hearing import SENDING, THINKING, hearing_out
from mayfly_runtime.identity import current_caller
from mayfly_synth.transport import processing, requests, responses
from mayfly_synth.transport.paths import standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import grpc.aio

    from mayfly_synth.domain.voices import VoiceCatalog
    from mayfly_synth.usecases.phonemize import Phonemize
    from mayfly_synth.usecases.process import ProcessAudio
    from mayfly_synth.usecases.stream import StreamSpeech
    from mayfly_synth.usecases.synthesize import Synthesize

    Context = grpc.aio.ServicerContext[Any, Any]


class SynthServicer(synth_service_pb2_grpc.SynthServiceServicer):
    """The RPCs of synth."""

    def __init__(
        self,
        *,
        voices: VoiceCatalog,
        phonemize: Phonemize,
        synthesize: Synthesize,
        stream: StreamSpeech,
        process: ProcessAudio,
    ) -> None:
        self._voices = voices
        self._phonemize = phonemize
        self._synthesize = synthesize
        self._stream = stream
        self._process = process

    async def ListVoices(self, request: pb.ListVoicesRequest, _context: Context) -> pb.ListVoicesResponse:
        """Answer the voices of a language, or all."""
        found = self._voices.speaking(requests.language_code(request))
        return pb.ListVoicesResponse(voices=[responses.voice(one, default=self._voices.default) for one in found])

    async def GetVoice(self, request: pb.GetVoiceRequest, _context: Context) -> pb.GetVoiceResponse:
        """Answer one voice."""
        voice = self._voices.named(requests.voice_name(request))
        return pb.GetVoiceResponse(voice=responses.voice(voice, default=self._voices.default))

    async def Phonemize(self, request: pb.PhonemizeRequest, _context: Context) -> pb.PhonemizeResponse:
        """Answer how a text is pronounced."""
        return responses.phonemized(await self._phonemize(request.text, voice=request.voice))

    async def Synthesize(self, request: pb.SynthesizeRequest, _context: Context) -> pb.SynthesizeResponse:
        """Speak a text and keep it."""
        kept = await self._synthesize(requests.synthesize(request, caller=current_caller().name))
        return responses.synthesized(kept)

    async def StreamSynthesize(
        self, request_iterator: AsyncIterator[pb.StreamSynthesizeRequest], _context: Context
    ) -> AsyncIterator[pb.StreamSynthesizeResponse]:
        """Speak a text while it comes."""
        arriving = aiter(request_iterator)
        async with hearing_out(arriving, pause=THINKING):
            command, pieces = await requests.stream(arriving, caller=current_caller().name)
            with standing("options", at="config.options"):
                async with aclosing(self._stream(command, pieces)) as events:
                    async for event in events:
                        for message in responses.stream_messages(event):
                            yield message

    async def ProcessAudio(
        self, request_iterator: AsyncIterator[pb.ProcessAudioRequest], _context: Context
    ) -> pb.ProcessAudioResponse:
        """Process an audio and keep the result."""
        arriving = aiter(request_iterator)
        async with hearing_out(arriving, pause=SENDING):
            command, chunks = await processing.process(arriving, caller=current_caller().name)
            with standing("chunk", at="config.source_name" if command.source_name else "chunk"):
                return responses.processed(await self._process(command, chunks))
