"""Client's calls of storage that carry no audio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_client import _answers_storage as answers
from mayfly_client import _requests_storage as requests
from mayfly_client._outcomes import signed_or_raise
from mayfly_client._sync_connection import SyncConnection

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Sequence

    from mayfly_client._options import ListOptions
    from mayfly_client._results_storage import Audio, AudioFailure, SignedUrl, StorageInfo
    from mayfly_client._times import Seconds


class SyncStorage(SyncConnection):
    """Ask, list, link and delete."""

    def get(self, name: str, *, timeout: float | None = None) -> Audio:
        """The facts about a readable audio.

        Raises:
            AudioNotFoundError: It never existed, is not committed, has expired, or was deleted.
        """
        with self._errors("storage"):
            answer = self._storage.GetAudio(requests.get_audio(name), timeout=self._short(timeout))
        return answers.audio(answer.audio)

    def list(self, *, timeout: float | None = None, **filters: Unpack[ListOptions]) -> Iterator[Audio]:
        """All readable audio that the filters match, in no promised order of days. Pages come as they are needed.

        Args:
            timeout: Seconds for each page.
            **filters: See `ListOptions`.
        """
        page_token = ""
        while True:
            request = requests.list_audio(filters, page_token)
            with self._errors("storage"):
                page = self._storage.ListAudio(request, timeout=self._short(timeout))
            for each in page.audio:
                yield answers.audio(each)
            if not (page_token := page.next_page_token):
                return

    def delete(self, name: str, *, timeout: float | None = None) -> bool:
        """Delete an audio now. False if there was nothing (any more) under this name, which is no error."""
        with self._errors("storage"):
            answer = self._storage.DeleteAudio(requests.delete_audio(name), timeout=self._short(timeout))
        return answer.deleted

    def sign(
        self,
        names: Sequence[str],
        *,
        ttl: Seconds | None = None,
        attachment: bool = False,
        timeout: float | None = None,
    ) -> builtins.list[SignedUrl | AudioFailure]:
        """A link or a failure for each name, in order. Any number of names; each 1,000 are one call.

        Args:
            names: Names of audio.
            ttl: How long the links should live; cut to what is true. Default: the collection's.
            attachment: Whether browsers save the audio instead of playing it.
            timeout: Seconds for each call.
        """
        signed: builtins.list[SignedUrl | AudioFailure] = []
        for request in requests.sign_urls(names, ttl=ttl, attachment=attachment):
            with self._errors("storage"):
                answer = self._storage.SignUrls(request, timeout=self._short(timeout))
            signed += answers.signed_urls(answer)
        return signed

    def url(
        self,
        name: str,
        *,
        ttl: Seconds | None = None,
        attachment: bool = False,
        timeout: float | None = None,
    ) -> SignedUrl:
        """A link to one audio.

        Raises:
            AudioNotFoundError: There is no readable audio of this name.
        """
        return signed_or_raise(self.sign([name], ttl=ttl, attachment=attachment, timeout=timeout))

    def storage_info(self, *, timeout: float | None = None) -> StorageInfo:
        """The backend, its limits and its collections."""
        with self._errors("storage"):
            answer = self._storage.GetStorageInfo(pb.GetStorageInfoRequest(), timeout=self._short(timeout))
        return answers.storage_info(answer)
