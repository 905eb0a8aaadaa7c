"""Tokens of stable links: an audio's name, sealed, so that a link says nothing about what it leads to."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

if TYPE_CHECKING:
    from collections.abc import Sequence

_PURPOSE: Final = b"mayfly stable link 1"
_LONGEST: Final = 1_024
_TAG_BYTES: Final = 16


class StableLinks:
    """Seals names and opens tokens.

    AES-SIV needs no random number: an audio has the same token in every replica and after every restart, so that a link
    is stable. Its tag is 128 bits and compared in constant time, so nobody makes up a token.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        """Take the secrets: the first seals, all open.

        Raises:
            ValueError: There is none.
        """
        if not secrets:
            raise ValueError("stable links need a secret")
        self._ciphers = tuple(AESSIV(_key(secret)) for secret in secrets)

    def token_of(self, name: str) -> str:
        """The token of an audio."""
        sealed = self._ciphers[0].encrypt(name.encode(), [_PURPOSE])
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def name_of(self, token: str) -> str | None:
        """The audio that a token was made for; None if it was not made with our secrets."""
        sealed = _decoded(token)
        for cipher in self._ciphers if sealed else ():
            try:
                return cipher.decrypt(sealed, [_PURPOSE]).decode()
            except InvalidTag:
                continue
        return None


def path_of(token: str) -> str:
    """Where the gateway serves a token."""
    return f"/a/{token}"


def _key(secret: str) -> bytes:
    """A key of 64 bytes, which is AES-256-SIV; the secret has its entropy already."""
    return hashlib.blake2b(secret.encode(), digest_size=64, person=b"mayfly-links").digest()


def _decoded(token: str) -> bytes:
    """The bytes of a token; none if it is not one. Of two ways to write the same bytes, only ours is taken."""
    if len(token) > _LONGEST or not token.isascii():
        return b""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    is_ours = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode() == token
    return sealed if is_ours and len(sealed) > _TAG_BYTES else b""
