"""UploadAudio's stream: a header, chunks and a footer, into a private file. No store ever sees wrong bytes."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mayfly_runtime.violations import InvalidRequestError, Violation, Violations
from mayfly_storage.domain.errors import (
    AudioTooLargeError,
    CollectionUnknownError,
    ContentMismatchError,
    InvalidAudioError,
)
from mayfly_storage.transport import requests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from mayfly.storage.v1 import storage_service_pb2 as pb

    from mayfly_storage.domain.uploads import UploadRequest
    from mayfly_storage.transport.spool import Spool, SpoolFile
    from mayfly_storage.usecases.drafting import AdmitStream

MAX_CHUNK_BYTES: Final = 65_536
SHA256_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadReceiver:
    """Takes streams in."""

    admit: AdmitStream
    spool: Spool

    @asynccontextmanager
    async def receive(
        self, messages: AsyncIterator[pb.UploadAudioRequest], *, caller: str
    ) -> AsyncIterator[tuple[UploadRequest, Path]]:
        """The request with size and SHA-256 as they are, and the file with the bytes, which is gone at the end.

        Raises:
            InvalidRequestError: The stream or its header is not as it must be.
            AudioTooLargeError: The bytes are more than the collection takes; the rest is not received.
            ContentMismatchError: The bytes are not those that the header announced.
            StorageFullError: The spool has no room left.
        """
        with _blaming_the_header():
            announced = await _header(messages, caller=caller)
            # Rules that no bytes can satisfy are told before the bytes are sent.
            limit = self.admit(replace(announced, size_bytes=announced.size_bytes or 1))
            async with self.spool.open_file() as file:
                footer = await _take_chunks(messages, file, announced, limit)
                yield await _finished(file, announced, footer), file.path


@contextmanager
def _blaming_the_header() -> Iterator[None]:
    """The domain speaks of `audio.subject`; in this request it is `header.audio.subject`."""
    try:
        yield
    except (InvalidAudioError, CollectionUnknownError) as error:
        error.field = f"header.{error.field}"
        raise


async def _header(messages: AsyncIterator[pb.UploadAudioRequest], *, caller: str) -> UploadRequest:
    first = await anext(aiter(messages), None)
    if first is None:
        raise _refusal("payload", "is required: the stream has no message; the first one is the header")
    if first.WhichOneof("payload") is None:
        raise _refusal("payload", "is required: the first message has no header")
    if first.WhichOneof("payload") != "header":
        raise _refusal("header", "must come first; the first message is a chunk")
    return requests.upload_header(first.header, caller=caller)


async def _take_chunks(
    messages: AsyncIterator[pb.UploadAudioRequest], file: SpoolFile, announced: UploadRequest, limit: int
) -> pb.UploadAudioFooter | None:
    async for message in messages:
        if message.WhichOneof("payload") == "footer":
            return await _footer(message.footer, messages)
        chunk = _chunk(message)
        size = file.size_bytes + len(chunk)
        if size > limit:
            raise AudioTooLargeError(size, limit, announced.audio.collection)
        if announced.size_bytes and size > announced.size_bytes:
            raise ContentMismatchError("size_bytes", expected=announced.size_bytes, actual=size)
        await file.write(chunk)
    return None


async def _footer(footer: pb.UploadAudioFooter, messages: AsyncIterator[pb.UploadAudioRequest]) -> pb.UploadAudioFooter:
    found = Violations()
    found.require(
        footer.size_bytes > 0, "footer.size_bytes", "is required: the size of all chunks together, at least 1"
    )
    found.require(len(footer.sha256) in {0, SHA256_BYTES}, "footer.sha256", f"must have {SHA256_BYTES} bytes, or none")
    found.require(await anext(aiter(messages), None) is None, "footer", "must be the last message; another one follows")
    found.raise_if_any()
    return footer


def _chunk(message: pb.UploadAudioRequest) -> bytes:
    kind = message.WhichOneof("payload")
    if kind == "header":
        raise _refusal("header", "must come once, at the beginning; there is a second one")
    if kind is None:
        raise _refusal("payload", "is required: a message has neither header, chunk nor footer")
    if not 1 <= len(message.chunk) <= MAX_CHUNK_BYTES:
        raise _refusal("chunk", f"must have 1 to {MAX_CHUNK_BYTES:,} bytes; one has {len(message.chunk):,}")
    return message.chunk


async def _finished(file: SpoolFile, announced: UploadRequest, footer: pb.UploadAudioFooter | None) -> UploadRequest:
    if not file.size_bytes:
        raise _refusal("chunk", "is required: the stream ended after its header, without bytes")
    if footer is None and not announced.size_bytes:
        # A caller that dies or gives up looks like one that has sent everything.
        raise _refusal(
            "footer", "is required as the last message, where the header has no size_bytes: did it break off?"
        )
    sha256 = await file.finish()
    for size, digest in ((announced.size_bytes, announced.sha256), _told(footer)):
        if size not in {0, file.size_bytes}:
            raise ContentMismatchError("size_bytes", expected=size, actual=file.size_bytes)
        if digest not in {b"", sha256}:
            raise ContentMismatchError("sha256", expected=digest.hex(), actual=sha256.hex())
    return replace(announced, size_bytes=file.size_bytes, sha256=sha256)


def _told(footer: pb.UploadAudioFooter | None) -> tuple[int, bytes]:
    return (footer.size_bytes, footer.sha256) if footer else (0, b"")


def _refusal(field: str, description: str) -> InvalidRequestError:
    return InvalidRequestError(Violation(field, description))
