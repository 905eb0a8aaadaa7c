"""Presigned links: the LinkSigner of this backend. Signature version 4 only, and every end is told as it is."""

from __future__ import annotations

from email.utils import format_datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.presigning import Term
from mayfly_storage.backends.aws.uploads import put_headers, put_parameters
from mayfly_storage.domain.content_types import EXTENSIONS
from mayfly_storage.domain.errors import BackendMisconfiguredError, UploadFencedError
from mayfly_storage.domain.links import Guarantee, LimitedBy, SignedUrl, UploadGrant
from mayfly_storage.domain.ports import BlobFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from botocore.credentials import ReadOnlyCredentials

    from mayfly_storage.backends.aws.clients import AwsCalls
    from mayfly_storage.backends.aws.credentials import SigningCredentials
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.presigning import BucketPresigner
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import LinkWish

_ENFORCED: Final = (Guarantee.SIZE, Guarantee.CHECKSUM, Guarantee.CONTENT_TYPE, Guarantee.WRITE_ONCE)


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
        # Equal wishes have equal links anyway; this spares the signing. It forgets what was not asked for longest.
        self._link = lru_cache(maxsize=options.remembered_links)(self._sign_link)

    async def sign_urls(self, wishes: Sequence[LinkWish]) -> list[SignedUrl | None]:
        """A GET link for each wish; None for less than a second, since the shortest link would outlive it."""
        return await self._calls(self._sign_all, wishes) if wishes else []

    def _sign_all(self, wishes: Sequence[LinkWish]) -> list[SignedUrl | None]:
        snapshot, now = self._credentials.snapshot(), self._now()

        # Most of a batch shares its term.
        @cache
        def term_of(begin: datetime | None, expire_time: datetime) -> tuple[Term | None, bool]:
            end, cut = _earlier(expire_time, snapshot.end)
            term = Term.within(begin=begin or now, now=now, end=end)
            if term is None and cut:
                raise self._expired()
            return term, cut

        return [self._sign(wish, *term_of(wish.begin, wish.expire_time), snapshot.keys) for wish in wishes]

    def _sign(self, wish: LinkWish, term: Term | None, cut: bool, keys: ReadOnlyCredentials) -> SignedUrl | None:  # noqa: FBT001 - what term_of answers
        if term is None:
            return None
        audio = wish.audio
        kind = "attachment" if wish.attachment else "inline"
        # The audio's id alone: nothing that a person chose stands in a header.
        disposition = f'{kind}; filename="{audio.name.audio_id}.{EXTENSIONS.get(audio.content_type, "bin")}"'
        return SignedUrl(
            url=self._link(audio.object_key, audio.content_type, disposition, term, keys),
            expire_time=term.end,
            limited_by=LimitedBy.CREDENTIALS if cut else wish.limited_by,
        )

    def _sign_link(
        self, key: str, content_type: str, disposition: str, term: Term, credentials: ReadOnlyCredentials
    ) -> str:
        return self._presigner.signer.sign(
            "GET",
            key,
            credentials=credentials,
            at=term.begin,
            seconds=term.seconds,
            query=(
                ("response-content-type", content_type),
                ("response-content-disposition", disposition),
                ("response-cache-control", "private"),
                # Not max-age, which would count from the download: what a browser keeps ends with the link.
                ("response-expires", _http_date(term.end)),
            ),
        )

    async def grant_upload(self, audio: Audio) -> UploadGrant:
        """A presigned PUT. Raises UploadFencedError if less than a second is left for it."""
        return await self._calls(self._grant, audio)

    def _grant(self, audio: Audio) -> UploadGrant:
        snapshot, now = self._credentials.snapshot(), self._now()
        end, cut = _earlier(audio.upload_deadline, snapshot.end)
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
        return UploadGrant(url=url, headers=headers, expire_time=term.end, attempt=audio.attempt, enforced=_ENFORCED)

    def _expired(self) -> BackendMisconfiguredError:
        return BackendMisconfiguredError(self._calls.service, "ExpiredToken")


@lru_cache(maxsize=64)
def _http_date(time: datetime) -> str:
    """As HTTP writes a time; the links of a window share their end."""
    return format_datetime(time, usegmt=True)


def _earlier(end: datetime, limit: datetime | None) -> tuple[datetime, bool]:
    """The end of a link, and whether the limit cut it."""
    return (limit, True) if limit is not None and limit < end else (end, False)


def _facts_of(audio: Audio) -> BlobFacts:
    return BlobFacts(
        content_type=audio.content_type,
        size_bytes=audio.size_bytes,
        sha256=audio.sha256,
        attempt=audio.attempt,
        expire_time=audio.expire_time,
    )
