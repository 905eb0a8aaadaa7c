"""Requests to synth from plain arguments.

Only what cannot be expressed is refused here; the server validates the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly.synth.v1 import synth_service_pb2 as pb

from mayfly_client._formats import format_value
from mayfly_client._options import DestinationOptions, SpeakOptions, StreamOptions, refuse_unknown
from mayfly_client._request_ids import request_id_or_new
from mayfly_client._requests_storage import one_expiry, one_subject
from mayfly_client._times import duration, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

# The server takes 5,000 characters in one message; a text of any length is sent in pieces below that.
PIECE_CHARACTERS = 4_000


def synthesize(text: str, given: SpeakOptions, *, request_id: str | None) -> pb.SynthesizeRequest:
    """A text to speak and to keep."""
    refuse_unknown("speak", given, SpeakOptions)
    options = _speech_options(given)
    options.ssml = given.get("ssml", False)
    options.lenient_ssml = given.get("lenient_ssml", False)
    return pb.SynthesizeRequest(
        request_id=request_id_or_new(request_id),
        text=text,
        options=options,
        destination=destination(given),
        file_per_segment=given.get("file_per_segment", False),
    )


def stream_config(given: StreamOptions, *, discard: bool, request_id: str | None) -> pb.StreamSynthesizeRequest:
    """The first message of a stream."""
    refuse_unknown("stream_speech", given, StreamOptions)
    config = pb.StreamConfig(
        request_id=request_id_or_new(request_id),
        options=_speech_options(given),
        destination=destination(given),  # also of what is not kept: it says for whom it is counted
        discard=discard,
    )
    return pb.StreamSynthesizeRequest(config=config)


def text_messages(text: str) -> Iterator[pb.StreamSynthesizeRequest]:
    """Messages for a text of any length."""
    for start in range(0, len(text), PIECE_CHARACTERS):
        yield pb.StreamSynthesizeRequest(text=text[start : start + PIECE_CHARACTERS])


def list_voices(language_code: str | None) -> pb.ListVoicesRequest:
    """Ask for voices."""
    return pb.ListVoicesRequest(language_code=language_code or "")


def _speech_options(given: StreamOptions) -> pb.SpeechOptions:
    return pb.SpeechOptions(
        voice=given.get("voice") or "",
        speaker=given.get("speaker") or "",
        language_code=given.get("language_code") or "",
        format=format_value(given.get("format")),
        speed=given.get("speed"),
        volume=given.get("volume"),
        sentence_silence=duration(given.get("sentence_silence")),
        noise_scale=given.get("noise_scale"),
        noise_w_scale=given.get("noise_w_scale"),
        sample_rate_hertz=given.get("sample_rate_hertz") or 0,
        bit_rate_bps=given.get("bit_rate_bps") or 0,
        loudness_lufs=given.get("loudness_lufs"),
        pronunciations=given.get("pronunciations") or {},
    )


def destination(given: DestinationOptions) -> pb.Destination:
    """Where the result goes."""
    one_expiry(given)
    one_subject(given)
    return pb.Destination(
        collection=given.get("collection") or "",
        key_fields=given.get("key_fields") or {},
        expire_time=timestamp(given.get("expire_time"), "expire_time"),
        ttl=duration(given.get("ttl")),
        url_ttl=duration(given.get("url_ttl")),
        **_subject(given),
        labels=given.get("labels") or {},
    )


def _subject(given: DestinationOptions) -> dict[str, str]:
    """The one of the two that is given; an empty one is sent, so that the server can say what is wrong with it."""
    both = {"user_id": given.get("user_id"), "guest_address": given.get("guest_address")}
    return {name: value for name, value in both.items() if value is not None}
