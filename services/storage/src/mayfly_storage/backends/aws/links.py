"""Presigned links: the LinkSigner of this backend. Signature version 4 only, and every end is told as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.presigning import Term, earlier
from mayfly_storage.backends.aws.reading_links import ReadingLinks
from mayfly_storage.backends.aws.uploads import guarantees, put_headers, put_parameters
from mayfly_storage.domain.errors import BackendMisconfiguredError, UploadFencedError
from mayfly_storage.domain.links import UploadGrant
from mayfly_storage.domain.ports import BlobFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mayfly_storage.backends.aws.clients import AwsCalls
    from mayfly_storage.backends.aws.credentials import SigningCredentials, Snapshot
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.presigning import BucketPresigner
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import LinkWish, SignedUrl

_AT_ONCE: Final = 32
"""Most links that are signed on the event loop: they take about as long as handing them to a thread."""


class S3Links:
    """Signs links to one bucket."""

    def __init__(
        self,
        options: AwsOptions,
        *,
        presigner: BucketPresigner,
        credentials: SigningCredentials,
        calls: AwsCalls,
        now: Callable[[], datetime],
    ) -> None:
        """Take what signs, and the pool to sign in: a thousand links take time, and credentials may be fetched."""
        self._options = options
        self._presigner = presigner
        self._credentials = credentials
        self._calls = calls
        self._now = now
        self._reading = ReadingLinks(expired=self._expired, remembered=options.remembered_links)

    async def sign_urls(self, wishes: Sequence[LinkWish]) -> list[SignedUrl | None]:
        """A GET link for each wish; None for less than a second, since the shortest link would outlive it.

        A few are signed at once: a thread would take longer to answer than they do.
        """
        if len(wishes) <= _AT_ONCE and (snapshot := self._at_hand()) is not None:
            return self._sign(wishes, snapshot)
        return await self._calls(self._sign_waiting, wishes) if wishes else []

    def _at_hand(self) -> Snapshot | None:
        """Credentials, if nothing has to be waited for."""
        return self._credentials.at_hand() if self._presigner.is_ready else None

    def _sign_waiting(self, wishes: Sequence[LinkWish]) -> list[SignedUrl | None]:
        return self._sign(wishes, self._credentials.snapshot())

    def _sign(self, wishes: Sequence[LinkWish], snapshot: Snapshot) -> list[SignedUrl | None]:
        return self._reading.sign(wishes, signer=self._presigner.signer, snapshot=snapshot, now=self._now())

    async def grant_upload(self, audio: Audio) -> UploadGrant:
        """A presigned PUT. Raises UploadFencedError if less than a second is left for it."""
        if (snapshot := self._at_hand()) is not None:
            return self._grant(audio, snapshot)
        return await self._calls(self._grant_waiting, audio)

    def _grant_waiting(self, audio: Audio) -> UploadGrant:
        return self._grant(audio, self._credentials.snapshot())

    def _grant(self, audio: Audio, snapshot: Snapshot) -> UploadGrant:
        now = self._now()
        end, cut = earlier(audio.upload_deadline, snapshot.end)
        term = Term.within(begin=now, now=now, end=end)
        if term is None:
            raise self._expired() if cut else UploadFencedError(audio.name)
        headers = put_headers(put_parameters(self._options, audio.object_key, _facts_of(audio)))
        url = self._presigner.signer.sign(
            "PUT",
            audio.object_key,
            credentials=snapshot.keys,
            at=term.begin,
            seconds=term.seconds,
            headers=headers,
        )
        return UploadGrant(
            url=url,
            headers=headers,
            expire_time=term.end,
            attempt=audio.attempt,
            enforced=guarantees(self._options.features),
        )

    def _expired(self) -> BackendMisconfiguredError:
        return BackendMisconfiguredError(self._calls.service, "ExpiredToken")


def _facts_of(audio: Audio) -> BlobFacts:
    return BlobFacts(
        content_type=audio.content_type,
        size_bytes=audio.size_bytes,
        sha256=audio.sha256,
        attempt=audio.attempt,
        expire_time=audio.expire_time,
    )
