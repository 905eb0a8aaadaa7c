"""What the writer of an audio decides about it, and whose it is."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.uploads import NewAudio, Subject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mayfly.storage.v1 import audio_pb2

    from mayfly_storage.transport.form import Form

SHORTEST_LIFE: Final = timedelta(seconds=1)
MAX_COLLECTION_LENGTH: Final = 128
_MAX_VOICE_LENGTH: Final = 128
_MAX_TEXT_LENGTH: Final = 5_000
_MAX_ADDRESS_LENGTH: Final = 64
_MAX_ENTRIES: Final = 16
_MAX_LABEL_LENGTH: Final = 256
_LABEL: Final = re.compile(r"[a-z0-9_.-]{1,63}")


def new_audio(form: Form, message: audio_pb2.NewAudio) -> NewAudio:
    """The facts of a new audio. The collection's own rules are the domain's affair."""
    expiration = message.WhichOneof("expiration")
    return NewAudio(
        collection=form.text("collection", message.collection, longest=MAX_COLLECTION_LENGTH, needed="a collection"),
        content_type=form.text("content_type", message.content_type, longest=128, needed="a MIME type"),
        expire_time=form.timestamp("expire_time", message.expire_time) if expiration == "expire_time" else None,
        ttl=form.duration("ttl", message.ttl, least=SHORTEST_LIFE) if expiration == "ttl" else None,
        key_fields=_key_fields(form, message.key_fields),
        subject=subject(form.within("subject"), message.subject) if message.HasField("subject") else None,
        voice=form.text("voice", message.voice, longest=_MAX_VOICE_LENGTH),
        text=form.text("text", message.text, longest=_MAX_TEXT_LENGTH),
        duration=_duration(form, message),
        labels=_labels(form, message.labels),
    )


def subject(form: Form, message: audio_pb2.Subject) -> Subject:
    """A user or a guest. Problems never repeat an address."""
    kind = message.WhichOneof("subject")
    if kind == "user_id":
        return Subject(user_id=form.component("user_id", message.user_id))
    form.require(kind is not None, "subject", "is required: a user_id or a guest_address")
    if kind == "guest_address":
        right = 1 <= len(message.guest_address) <= _MAX_ADDRESS_LENGTH and message.guest_address.isprintable()
        form.require(right, "guest_address", f"must be a network address of at most {_MAX_ADDRESS_LENGTH} characters")
    return Subject(guest_address=_canonical(message.guest_address))


def _canonical(address: str) -> str:
    """One spelling for one guest: IPv6 compressed, IPv4 never as IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(getattr(found, "ipv4_mapped", None) or found)


def _duration(form: Form, message: audio_pb2.NewAudio) -> timedelta | None:
    if not message.HasField("duration"):
        return None
    return form.duration("duration", message.duration, least=timedelta(0))


def _key_fields(form: Form, fields: Mapping[str, str]) -> dict[str, str]:
    if not form.require(len(fields) <= _MAX_ENTRIES, "key_fields", f"must be at most {_MAX_ENTRIES}"):
        return {}
    return {name: form.component(f"key_fields[{name}]", value) for name, value in fields.items()}


def _labels(form: Form, labels: Mapping[str, str]) -> dict[str, str]:
    form.require(len(labels) <= _MAX_ENTRIES, "labels", f"must be at most {_MAX_ENTRIES}; there are {len(labels)}")
    for key, value in labels.items():
        form.require(_LABEL.fullmatch(key) is not None, f"labels[{key}]", f"the key must match {_LABEL.pattern}")
        form.text(f"labels[{key}]", value, longest=_MAX_LABEL_LENGTH)
    return dict(labels)
