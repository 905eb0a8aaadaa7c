"""From requests to commands. What breaks a rule of the contract is told here, all of it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly_runtime.violations import InvalidRequestError, Violation, Violations
from mayfly_synth.domain.speech import Destination, RequestKey
from mayfly_synth.transport import fields
from mayfly_synth.transport.options import speech_options
from mayfly_synth.usecases.stream import StreamCommand
from mayfly_synth.usecases.synthesize import SynthesizeCommand

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mayfly.synth.v1 import synth_service_pb2 as pb


def language_code(request: pb.ListVoicesRequest) -> str:
    """The language to list voices of; empty: all."""
    found = Violations()
    code = fields.language_code(found, "language_code", request.language_code)
    found.raise_if_any()
    return code


def voice_name(request: pb.GetVoiceRequest) -> str:
    """The name of the voice to get."""
    found = Violations()
    found.require(bool(request.name), "name", "the name of a voice is needed; ListVoices answers all of them")
    found.raise_if_any()
    return request.name


def synthesize(request: pb.SynthesizeRequest, *, caller: str) -> SynthesizeCommand:
    """The command to speak and keep a text. The text itself is checked by the use case."""
    found = Violations()
    key = RequestKey(caller=caller, request_id=fields.request_id(found, "request_id", request.request_id))
    options = speech_options(found, "options", request.options)
    destination = destination_of(found, "destination", request.destination)
    asked = request.options
    found.require(asked.ssml or not asked.lenient_ssml, "options.lenient_ssml", "it is for SSML; set ssml, too")
    found.raise_if_any()
    return SynthesizeCommand(
        key=key,
        text=request.text,
        ssml=asked.ssml,
        lenient=asked.lenient_ssml,
        options=options,
        destination=destination,
        file_per_segment=request.file_per_segment,
    )


async def stream(
    requests: AsyncIterator[pb.StreamSynthesizeRequest], *, caller: str
) -> tuple[StreamCommand, AsyncIterator[str]]:
    """The command that begins a stream, and the pieces of text that follow it."""
    messages = aiter(requests)
    first = await anext(messages, None)
    if first is None or not first.HasField("config"):
        raise no_config()
    found = Violations()
    command = _stream_command(found, first.config, caller)
    found.raise_if_any()
    return command, _pieces(messages)


def no_config() -> InvalidRequestError:
    """The refusal of a stream that begins with something else."""
    return InvalidRequestError(Violation("config", "the first message of the stream must be the config"))


async def _pieces(requests: AsyncIterator[pb.StreamSynthesizeRequest]) -> AsyncIterator[str]:
    async for request in requests:
        found = Violations()
        found.require(not request.HasField("config"), "config", "only the first message is the config")
        found.require(request.HasField("text"), "text", "every message after the first one needs text")
        found.raise_if_any()
        yield request.text


def _stream_command(found: Violations, config: pb.StreamConfig, caller: str) -> StreamCommand:
    key = RequestKey(caller=caller, request_id=fields.request_id(found, "config.request_id", config.request_id))
    # A document cannot be read before its end has come.
    for name in ("ssml", "lenient_ssml"):
        found.require(not getattr(config.options, name), f"config.options.{name}", "a stream takes plain text only")
    return StreamCommand(
        key=key,
        options=speech_options(found, "config.options", config.options),
        destination=destination_of(found, "config.destination", config.destination),
        discard=config.discard,
    )


def destination_of(found: Violations, field: str, asked: pb.Destination) -> Destination:
    """Where a result goes. Lengths of time are checked, as they are converted; everything else by storage."""
    expire_time = ttl = url_ttl = None
    if asked.HasField("expire_time"):
        expire_time = fields.moment(found, f"{field}.expire_time", asked.expire_time)
    if asked.HasField("ttl"):
        ttl = fields.length(found, f"{field}.ttl", asked.ttl)
    if asked.HasField("url_ttl"):
        url_ttl = fields.length(found, f"{field}.url_ttl", asked.url_ttl)
    return Destination(
        collection=asked.collection,
        key_fields=tuple(sorted(asked.key_fields.items())),
        expire_time=expire_time,
        ttl=ttl,
        url_ttl=url_ttl,
        user_id=asked.user_id,
        guest_address=asked.guest_address,
        labels=tuple(sorted(asked.labels.items())),
    )
