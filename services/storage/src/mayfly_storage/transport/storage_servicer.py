"""StorageService: parse, call, convert. Errors travel as exceptions to the runtime's error table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mayfly.storage.v1 import storage_service_pb2 as pb
from mayfly.storage.v1 import storage_service_pb2_grpc as stubs

from mayfly_runtime.hearing import SENDING, hearing_out
from mayfly_runtime.identity import current_caller
from mayfly_storage.transport import page_tokens, requests, responses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import grpc.aio

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.transport.audit import Audit
    from mayfly_storage.transport.upload_stream import UploadReceiver
    from mayfly_storage.usecases.assembly import StorageUseCases

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class StorageServicer(stubs.StorageServiceServicer):
    """The RPCs over the use cases."""

    def __init__(
        self,
        calls: StorageUseCases,
        *,
        uploads: UploadReceiver,
        audit: Audit,
        on_stored: Callable[[Audio], None] = lambda _: None,
    ) -> None:
        """Take what it serves, what takes the bytes of UploadAudio, and who is told what was done.

        Args:
            calls: The use cases.
            uploads: Takes the bytes of UploadAudio.
            audit: Tells what was done.
            on_stored: Hears of each audio that became READY, before its caller does; must not wait.
        """
        self._on_stored = on_stored
        self._calls = calls
        self._uploads = uploads
        self._audit = audit

    async def ReserveQuota(self, request: pb.ReserveQuotaRequest, _: Context) -> pb.ReserveQuotaResponse:
        """Count work before it is done."""
        wanted = requests.reserve_quota(request, caller=current_caller().name)
        return responses.reserve_quota(*await self._calls.reserve_quota(wanted))

    async def CreateUpload(self, request: pb.CreateUploadRequest, _: Context) -> pb.CreateUploadResponse:
        """Reserve an audio and grant a PUT."""
        wanted = requests.create_upload(request, caller=current_caller().name)
        audio, grant = await self._calls.create_upload(wanted)
        if grant is not None:
            self._audit.granted(audio)
        return responses.create_upload(audio, grant)

    async def CommitUpload(self, request: pb.CommitUploadRequest, _: Context) -> pb.CommitUploadResponse:
        """Verify what was put, and make it readable."""
        audio = await self._calls.commit_upload(*requests.commit_upload(request))
        self._audit.stored(audio, direct=True)
        self._on_stored(audio)
        return pb.CommitUploadResponse(audio=responses.audio(audio))

    async def AbandonUpload(self, request: pb.AbandonUploadRequest, _: Context) -> pb.AbandonUploadResponse:
        """Give a reservation back."""
        name, attempt = requests.abandon_upload(request)
        await self._calls.abandon_upload(name, attempt)
        self._audit.abandoned(name)
        return pb.AbandonUploadResponse()

    async def UploadAudio(
        self, request_iterator: AsyncIterator[pb.UploadAudioRequest], _: Context
    ) -> pb.UploadAudioResponse:
        """All of it in one call."""
        arriving, caller = aiter(request_iterator), current_caller().name
        async with (
            hearing_out(arriving, pause=SENDING),
            self._uploads.receive(arriving, caller=caller) as (wanted, path),
        ):
            audio = await self._calls.store_file(wanted, path)
        self._audit.stored(audio, direct=False)
        self._on_stored(audio)
        return pb.UploadAudioResponse(audio=responses.audio(audio))

    async def GetAudio(self, request: pb.GetAudioRequest, _: Context) -> pb.GetAudioResponse:
        """One readable audio."""
        audio = await self._calls.get_audio(requests.audio_name(request))
        return pb.GetAudioResponse(audio=responses.audio(audio))

    async def ListAudio(self, request: pb.ListAudioRequest, _: Context) -> pb.ListAudioResponse:
        """A page of readable audio."""
        wanted, subject, limit = requests.list_audio(request)
        page = await self._calls.list_audio(wanted, subject=subject, limit=limit, cursor=page_tokens.read(request))
        return responses.list_audio(page, page_tokens.make(request, page.cursor))

    async def DeleteAudio(self, request: pb.DeleteAudioRequest, _: Context) -> pb.DeleteAudioResponse:
        """Delete one audio."""
        name = requests.audio_name(request)
        deleted = await self._calls.delete_audio(name)
        self._audit.deleted([name] if deleted else [])
        return pb.DeleteAudioResponse(deleted=deleted)

    async def BatchDeleteAudio(self, request: pb.BatchDeleteAudioRequest, _: Context) -> pb.BatchDeleteAudioResponse:
        """Delete many audios, an outcome for each."""
        asked = requests.batch_names(request)
        names = requests.well_formed(asked)
        deleted = await self._calls.batch_delete_audio(names, validate_only=request.validate_only)
        if not request.validate_only:
            self._audit.deleted(name for name, was_there in deleted.items() if was_there)
        return responses.batch_delete_audio(asked, deleted)

    async def SignUrls(self, request: pb.SignUrlsRequest, _: Context) -> pb.SignUrlsResponse:
        """Links to many audios, an outcome for each."""
        asked, ttl = requests.sign_urls(request)
        names = requests.well_formed(asked)
        outcomes = await self._calls.sign_urls(names, ttl=ttl, attachment=request.attachment)
        self._audit.linked(outcomes)
        return responses.sign_urls(asked, outcomes)

    async def DownloadAudio(
        self, request: pb.DownloadAudioRequest, _: Context
    ) -> AsyncIterator[pb.DownloadAudioResponse]:
        """The audio, and then its bytes as fast as they are taken."""
        name, offset, limit = requests.download_audio(request)
        audio = await self._calls.get_audio(name)
        yield pb.DownloadAudioResponse(audio=responses.audio(audio))
        with self._audit.reading(audio) as sent:
            async for chunk in self._calls.read_audio(audio, offset=offset, limit=limit):
                yield pb.DownloadAudioResponse(chunk=chunk)
                sent.size_bytes += len(chunk)

    async def RetainAudio(self, request: pb.RetainAudioRequest, _: Context) -> pb.RetainAudioResponse:
        """Move the end of an audio."""
        name, expire_time, ttl = requests.retain_audio(request)
        audio = await self._calls.retain_audio(name, expire_time=expire_time, ttl=ttl)
        self._audit.kept(audio)
        return pb.RetainAudioResponse(audio=responses.audio(audio))

    async def ForgetSubject(self, request: pb.ForgetSubjectRequest, _: Context) -> pb.ForgetSubjectResponse:
        """Delete all audio of a person."""
        outcome = await self._calls.forget_subject(requests.forget_subject(request))
        self._audit.deleted(outcome.deleted)
        return responses.forgotten(outcome)

    async def GetStorageInfo(self, _request: pb.GetStorageInfoRequest, _: Context) -> pb.GetStorageInfoResponse:
        """What this storage is."""
        return responses.storage_info(self._calls.get_storage_info())

    async def GetUsage(self, request: pb.GetUsageRequest, _: Context) -> pb.GetUsageResponse:
        """What is stored, and what it costs."""
        return responses.usage(await self._calls.get_usage(requests.get_usage(request)))
