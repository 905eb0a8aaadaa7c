"""Presigned links: the LinkSigner of this backend. Signature version 4 only, and every end is told as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.uploads import put_headers, put_parameters
from mayfly_storage.domain.content_types import EXTENSIONS
from mayfly_storage.domain.errors import (
    BackendMisconfiguredError,
    UploadFencedError,
)
from mayfly_storage.domain.links import Guarantee, LimitedBy, SignedUrl, UploadGrant
from mayfly_storage.domain.ports import BlobFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mayfly_storage.backends.aws.clients import AwsCalls
    from mayfly_storage.backends.aws.credentials import SigningCredentials
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.presigning import Presigner
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import LinkWish

_ENFORCED: Final = (Guarantee.SIZE, Guarantee.CHECKSUM, Guarantee.CONTENT_TYPE, Guarantee.WRITE_ONCE)


class S3Links:
    """Signs links to one bucket."""

    def __init__(
        self, options: AwsOptions, *, presigner: Presigner, credentials: SigningCredentials, calls: AwsCalls
    ) -> None:
        """Take what signs, and the pool to sign in: a thousand links take time, and credentials may be fetched."""
        self._options = options
        self._presigner = presigner
        self._credentials = credentials
        self._calls = calls

    async def sign_urls(self, wishes: Sequence[LinkWish]) -> list[SignedUrl | None]:
        """A GET link for each wish; None for less than a second, since the shortest link would outlive it."""
        return await self._calls(self._sign_all, wishes) if wishes else []

    def _sign_all(self, wishes: Sequence[LinkWish]) -> list[SignedUrl | None]:
        limit = self._credentials.end()
        return [self._sign(wish, limit) for wish in wishes]

    def _sign(self, wish: LinkWish, limit: datetime | None) -> SignedUrl | None:
        end, cut = _earlier(wish.expire_time, limit)
        signed = self._presigner.sign("get_object", lambda seconds: self._get_parameters(wish, seconds), end=end)
        if signed is None:
            if cut:
                raise self._expired()
            return None
        limited_by = LimitedBy.CREDENTIALS if cut else LimitedBy.OBJECT
        return SignedUrl(url=signed.url, expire_time=signed.expire_time, limited_by=limited_by)

    def _get_parameters(self, wish: LinkWish, seconds: int) -> Mapping[str, object]:
        audio = wish.audio
        kind = "attachment" if wish.attachment else "inline"
        return {
            "Bucket": self._options.bucket,
            "Key": audio.object_key,
            "ResponseContentType": audio.content_type,
            # The audio's id alone: nothing that a person chose stands in a header.
            "ResponseContentDisposition": f'{kind}; filename="{audio.name.audio_id}.{_extension(audio)}"',
            "ResponseCacheControl": f"private, max-age={seconds}",
        }

    async def grant_upload(self, audio: Audio) -> UploadGrant:
        """A presigned PUT. Raises UploadFencedError if less than a second is left for it."""
        return await self._calls(self._grant, audio)

    def _grant(self, audio: Audio) -> UploadGrant:
        parameters = put_parameters(self._options, audio.object_key, _facts_of(audio))
        end, cut = _earlier(audio.upload_deadline, self._credentials.end())
        signed = self._presigner.sign("put_object", lambda _: {**parameters}, end=end)
        if signed is None:
            raise self._expired() if cut else UploadFencedError(audio.name)
        return UploadGrant(
            url=signed.url,
            headers=put_headers(parameters),
            expire_time=signed.expire_time,
            attempt=audio.attempt,
            enforced=_ENFORCED,
        )

    def _expired(self) -> BackendMisconfiguredError:
        return BackendMisconfiguredError(self._calls.service, "ExpiredToken")


def _earlier(end: datetime, limit: datetime | None) -> tuple[datetime, bool]:
    """The end of a link, and whether the limit cut it."""
    return (limit, True) if limit is not None and limit < end else (end, False)


def _extension(audio: Audio) -> str:
    return EXTENSIONS.get(audio.content_type, "bin")


def _facts_of(audio: Audio) -> BlobFacts:
    return BlobFacts(
        content_type=audio.content_type,
        size_bytes=audio.size_bytes,
        sha256=audio.sha256,
        attempt=audio.attempt,
        expire_time=audio.expire_time,
    )
