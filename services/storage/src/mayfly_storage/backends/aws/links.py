"""Presigned links: the LinkSigner of this backend. Signature version 4 only, and every end is told as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.presigning import Term, earlier
from mayfly_storage.backends.aws.reading_links import ReadingLinks
from mayfly_storage.backends.aws.uploads import (
    facts_of,
    guarantees,
    guarantees_of_parts,
    put_headers,
    put_parameters,
)
from mayfly_storage.domain.errors import BackendMisconfiguredError, UploadFencedError
from mayfly_storage.domain.links import UploadGrant, UploadPart
from mayfly_storage.domain.parts import cuts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from mayfly_storage.backends.aws.clients import AwsCalls
    from mayfly_storage.backends.aws.credentials import SigningCredentials, Snapshot
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.presigning import BucketPresigner
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import LinkWish, SignedUrl
    from mayfly_storage.domain.parts import Cut

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

    async def grant_parts(self, audio: Audio, upload_id: str) -> UploadGrant:
        """A presigned PUT for each part. Raises UploadFencedError if less than a second is left for them."""
        return await self._calls(self._grant_parts_waiting, audio, upload_id)

    def _grant_parts_waiting(self, audio: Audio, upload_id: str) -> UploadGrant:
        snapshot = self._credentials.snapshot()
        term = self._term(audio, snapshot)
        parts = [self._part(audio, upload_id, cut, term, snapshot) for cut in self._cuts(audio)]
        return UploadGrant(
            url="",
            headers={},
            expire_time=term.end,
            attempt=audio.attempt,
            enforced=guarantees_of_parts(self._options.features),
            parts=tuple(parts),
        )

    def _cuts(self, audio: Audio) -> Iterator[Cut]:
        return cuts(audio.size_bytes, self._options.part_bytes)

    def _part(self, audio: Audio, upload_id: str, cut: Cut, term: Term, snapshot: Snapshot) -> UploadPart:
        headers = {"Content-Length": str(cut.size_bytes)}
        url = self._presigner.signer.sign(
            "PUT",
            audio.object_key,
            credentials=snapshot.keys,
            at=term.begin,
            seconds=term.seconds,
            query=(("partNumber", str(cut.number)), ("uploadId", upload_id)),
            headers=headers,
        )
        return UploadPart(
            part_number=cut.number,
            url=url,
            headers=headers,
            offset_bytes=cut.offset_bytes,
            size_bytes=cut.size_bytes,
        )

    def _term(self, audio: Audio, snapshot: Snapshot) -> Term:
        now = self._now()
        end, cut = earlier(audio.upload_deadline, snapshot.end)
        term = Term.within(begin=now, now=now, end=end)
        if term is None:
            raise self._expired() if cut else UploadFencedError(audio.name)
        return term

    def _grant(self, audio: Audio, snapshot: Snapshot) -> UploadGrant:
        term = self._term(audio, snapshot)
        headers = put_headers(put_parameters(self._options, audio.object_key, facts_of(audio)))
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
