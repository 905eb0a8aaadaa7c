"""StorageService in memory."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import storage_service_pb2 as pb
from mayfly.storage.v1.storage_service_pb2_grpc import StorageServiceServicer

from mayfly_client._fake import keeping
from mayfly_client._fake.kinds import KINDS, MAX_SIZE_BYTES
from mayfly_client._fake.refusal import Refusal, invalid, not_found, not_yet
from mayfly_client._fake.shelf import UPLOAD_LIFETIME
from mayfly_client._fake.transport import storage_messages as messages

if TYPE_CHECKING:
    from collections.abc import Iterator

    import grpc

    from mayfly_client._fake.shelf import Item
    from mayfly_client._fake.storage import FakeStorage

_MAX_NAMES = 1_000


class FakeStorageServicer(StorageServiceServicer):
    """What issue after issue fills in the real one answers UNIMPLEMENTED here, too."""

    def __init__(self, storage: FakeStorage) -> None:
        self._storage = storage
        self._shelf = storage.shelf

    def CreateUpload(self, request: pb.CreateUploadRequest, context: grpc.ServicerContext) -> pb.CreateUploadResponse:
        """See the contract."""
        if len(request.sha256) != hashlib.sha256().digest_size:
            raise invalid("sha256", "is required; 32 bytes")
        self._storage.quotas.pay(request.request_id, request.audio.subject, request.quota_reservation)
        item = self._shelf.reserve(request.request_id, request.audio, request.size_bytes, request.sha256)
        return pb.CreateUploadResponse(audio=self._audio(item), grant=None if item.ready else self._grant(item))

    def CommitUpload(self, request: pb.CommitUploadRequest, context: grpc.ServicerContext) -> pb.CommitUploadResponse:
        """See the contract."""
        return pb.CommitUploadResponse(audio=self._audio(self._shelf.commit(request.name, request.attempt)))

    def AbandonUpload(
        self, request: pb.AbandonUploadRequest, context: grpc.ServicerContext
    ) -> pb.AbandonUploadResponse:
        """See the contract."""
        self._shelf.abandon(request.name, request.attempt)
        return pb.AbandonUploadResponse()

    def UploadAudio(
        self,
        request_iterator: Iterator[pb.UploadAudioRequest],
        context: grpc.ServicerContext,
    ) -> pb.UploadAudioResponse:
        """See the contract."""
        first = next(request_iterator, pb.UploadAudioRequest())
        if first.WhichOneof("payload") != "header":
            raise invalid("header", "is required as the first message")
        messages = list(request_iterator)
        if not first.header.size_bytes and (not messages or messages[-1].WhichOneof("payload") != "footer"):
            raise invalid("footer", "is required as the last message, where the header has no size_bytes")
        data = b"".join(message.chunk for message in messages)
        header, digest = first.header, hashlib.sha256(data).digest()
        self._storage.quotas.pay(header.request_id, header.audio.subject, header.quota_reservation)
        item = self._shelf.reserve(header.request_id, header.audio, len(data), digest)
        self._shelf.put(item.audio_id, item.attempt, data)
        return pb.UploadAudioResponse(audio=self._audio(self._shelf.commit(item.name, item.attempt)))

    def GetAudio(self, request: pb.GetAudioRequest, context: grpc.ServicerContext) -> pb.GetAudioResponse:
        """See the contract."""
        return pb.GetAudioResponse(audio=self._audio(self._shelf.get(request.name)))

    def ListAudio(self, request: pb.ListAudioRequest, context: grpc.ServicerContext) -> pb.ListAudioResponse:
        """See the contract."""
        items, token = self._storage.page(request)
        return pb.ListAudioResponse(audio=[self._audio(item) for item in items], next_page_token=token)

    def DeleteAudio(self, request: pb.DeleteAudioRequest, context: grpc.ServicerContext) -> pb.DeleteAudioResponse:
        """See the contract."""
        if not request.name:
            raise invalid("name", "is required")
        return pb.DeleteAudioResponse(deleted=self._shelf.delete(request.name))

    def SignUrls(self, request: pb.SignUrlsRequest, context: grpc.ServicerContext) -> pb.SignUrlsResponse:
        """See the contract."""
        if not 1 <= len(request.names) <= _MAX_NAMES:
            raise invalid("names", f"is required; 1 to {_MAX_NAMES:,} names")
        return pb.SignUrlsResponse(results=[self._signed(name, request) for name in request.names])

    def GetStorageInfo(
        self,
        request: pb.GetStorageInfoRequest,
        context: grpc.ServicerContext,
    ) -> pb.GetStorageInfoResponse:
        """See the contract."""
        return pb.GetStorageInfoResponse(
            backend="embedded",
            bucket="fake",
            collections=[messages.collection(kind) for kind in KINDS.values()],
            max_single_put_bytes=MAX_SIZE_BYTES,
            upload_lifetime=messages.duration(UPLOAD_LIFETIME),
            keeps_text=self._storage.keeps_text,
        )

    def DownloadAudio(
        self,
        request: pb.DownloadAudioRequest,
        context: grpc.ServicerContext,
    ) -> Iterator[pb.DownloadAudioResponse]:
        """See the contract."""
        yield pb.DownloadAudioResponse(audio=self._audio(self._shelf.get(request.name)))
        for chunk in keeping.chunks(self._shelf, request):
            yield pb.DownloadAudioResponse(chunk=chunk)

    def ReserveQuota(self, request: pb.ReserveQuotaRequest, context: grpc.ServicerContext) -> pb.ReserveQuotaResponse:
        """See the contract."""
        token, end = self._storage.quotas.reserve(request)
        return pb.ReserveQuotaResponse(quota_reservation=token, expire_time=messages.timestamp(end))

    def BatchDeleteAudio(
        self,
        request: pb.BatchDeleteAudioRequest,
        context: grpc.ServicerContext,
    ) -> pb.BatchDeleteAudioResponse:
        """Not carried out yet."""
        raise not_yet("BatchDeleteAudio")

    def RetainAudio(self, request: pb.RetainAudioRequest, context: grpc.ServicerContext) -> pb.RetainAudioResponse:
        """See the contract."""
        return pb.RetainAudioResponse(audio=self._audio(keeping.retain(self._shelf, request, self._storage.now)))

    def ForgetSubject(
        self, request: pb.ForgetSubjectRequest, context: grpc.ServicerContext
    ) -> pb.ForgetSubjectResponse:
        """See the contract."""
        return pb.ForgetSubjectResponse(deleted_names=keeping.forget(self._shelf, request))

    def GetUsage(self, request: pb.GetUsageRequest, context: grpc.ServicerContext) -> pb.GetUsageResponse:
        """See the contract."""
        found = keeping.usage(self._shelf, request.collection)
        return pb.GetUsageResponse(usage=found, count_time=messages.timestamp(self._storage.now()))

    def _audio(self, item: Item) -> audio_pb2.Audio:
        return messages.audio(item, keeps_text=self._storage.keeps_text)

    def _grant(self, item: Item) -> pb.UploadGrant:
        end = item.create_time + UPLOAD_LIFETIME
        return pb.UploadGrant(
            method="PUT",
            url=self._storage.links.make("PUT", item, end),
            headers={"Content-Type": item.new.content_type, "Content-Length": str(item.size_bytes)},
            expire_time=messages.timestamp(end),
            attempt=item.attempt,
            enforced=[pb.UploadGrant.GUARANTEE_SIZE, pb.UploadGrant.GUARANTEE_WRITE_ONCE],
        )

    def _signed(self, name: str, request: pb.SignUrlsRequest) -> pb.SignUrlsResponse.Result:
        ttl = request.ttl.ToTimedelta() if request.HasField("ttl") else None
        try:
            if not name:
                raise not_found(name)
            link = self._storage.sign(self._shelf.get(name), ttl, attachment=request.attachment)
        except Refusal as refusal:
            return pb.SignUrlsResponse.Result(name=name, failure=messages.failure(refusal))
        signed = pb.SignedUrl(
            url=link.url,
            url_expire_time=messages.timestamp(link.expire_time),
            limited_by=link.limited_by,
        )
        return pb.SignUrlsResponse.Result(name=name, signed_url=signed)
