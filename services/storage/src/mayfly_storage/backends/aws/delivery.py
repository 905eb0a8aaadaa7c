"""Reading through a CloudFront distribution of the bucket; writing stays with the bucket itself.

A link of CloudFront ends to the second that was asked for, whatever credentials there are: it is signed with a key that
the distribution trusts, by a canned policy (Amazon CloudFront Developer Guide, "Create a signed URL using a canned
policy"; RSA with SHA-1 is what CloudFront verifies).

What edges keep would outlive a deletion. So links ask S3 for `Cache-Control: private`, as all of ours do, which edges
keep no longer than the distribution's *minimum* TTL: that has to be 0. `mayfly-storage doctor` reads a deleted audio
through a link to see that it is so.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.backends.aws.presigning import Term
from mayfly_storage.backends.aws.quoting import quoted_key
from mayfly_storage.backends.aws.reading_form import ReadingForm
from mayfly_storage.domain.links import SignedUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mayfly_storage.backends.aws.clients import AwsCalls
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import LinkWish, UploadGrant
    from mayfly_storage.domain.ports import LinkSigner

_AT_ONCE: Final = 4
"""Most links that are signed on the event loop: RSA takes about half a millisecond for each."""
_SAFE: Final = str.maketrans("+=/", "-_~")
# Character by character as CloudFront builds it, so no JSON writer. What stands for `%s` is quoted for a URL.
_POLICY: Final = '{"Statement":[{"Resource":"%s","Condition":{"DateLessThan":{"AWS:EpochTime":%d}}}]}'


class DeliveryKeyError(ValueError):
    """The private key cannot sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A distribution whose origin is the bucket."""

    url: str
    """Where it answers; keys stand behind it as they stand in the bucket."""
    key_id: str
    """Of the public key, in a key group that the distribution trusts."""
    private_key: str = field(repr=False)
    """PEM."""


class CloudFrontSigner:
    """Signs URLs of one distribution."""

    def __init__(self, delivery: Delivery) -> None:
        """Read the key.

        Raises:
            DeliveryKeyError: It is no RSA key, or what reads it is not installed.
        """
        self._delivery = delivery
        self._sign = _rsa(delivery.private_key)

    def sign(self, key: str, query: str, end: datetime) -> str:
        """A URL that is valid until a second.

        Args:
            key: Of the object.
            query: Quoted parameters, each followed by `&`.
            end: Whole seconds.
        """
        resource = f"{self._delivery.url}/{quoted_key(key)}?{query.removesuffix('&')}"
        epoch = int(end.timestamp())
        policy = _POLICY % (resource, epoch)
        signature = base64.b64encode(self._sign(policy.encode())).decode().translate(_SAFE)
        return f"{resource}&Expires={epoch}&Signature={signature}&Key-Pair-Id={self._delivery.key_id}"


class DeliveredLinks:
    """A `LinkSigner` whose readers go to the distribution."""

    def __init__(
        self,
        bucket: LinkSigner,
        signer: CloudFrontSigner,
        *,
        calls: AwsCalls,
        remembered: int,
        now: Callable[[], datetime],
    ) -> None:
        """Take the bucket's own signer for uploads, the pool to sign in, and how many links to remember."""
        self._bucket = bucket
        self._calls = calls
        self._now = now
        self._form = lru_cache(maxsize=64)(ReadingForm.of)
        # Equal wishes have equal links anyway; this spares the signing.
        self._link = lru_cache(maxsize=remembered)(
            lambda key, audio_id, form, end: signer.sign(key, form.filled(audio_id, end).given, end)
        )

    async def sign_urls(self, wishes: Sequence[LinkWish]) -> list[SignedUrl | None]:
        """A GET link for each wish; None for less than a second."""
        if len(wishes) <= _AT_ONCE:
            return self._sign(wishes)
        return await self._calls(self._sign, wishes)

    async def grant_upload(self, audio: Audio) -> UploadGrant:
        """The bucket's own."""
        return await self._bucket.grant_upload(audio)

    def _sign(self, wishes: Sequence[LinkWish]) -> list[SignedUrl | None]:
        now = self._now()
        return [self._signed(wish, now) for wish in wishes]

    def _signed(self, wish: LinkWish, now: datetime) -> SignedUrl | None:
        term = Term.within(begin=wish.begin or now, now=now, end=wish.expire_time)
        if term is None:
            return None
        audio = wish.audio
        form = self._form(audio.content_type, attachment=wish.attachment)
        url = self._link(audio.object_key, audio.name.audio_id, form, term.end)
        return SignedUrl(url=url, expire_time=term.end, limited_by=wish.limited_by)


def check_key(pem: str) -> None:
    """See that a key signs. Raises DeliveryKeyError."""
    _rsa(pem)(b"")


def _rsa(pem: str) -> Callable[[bytes], bytes]:
    try:
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - of an extra
        from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415 - the same
    except ImportError:
        raise DeliveryKeyError("links of CloudFront need one more library: pip install 'mayfly-storage[cdn]'") from None
    try:
        key: Any = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        # Without the cause: its message may quote what it read.
        raise DeliveryKeyError("it is no private key in PEM without a password") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise DeliveryKeyError("CloudFront verifies links with RSA keys alone: openssl genrsa 2048")
    return lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - see the module's text
