"""Page tokens of ListSweeps: a number that only this process can have made."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

from mayfly_sweeper.domain.errors import PageTokenInvalidError

_NUMBER_BYTES: Final = 8
_MAC_BYTES: Final = 12


class PageTokens:
    """Makes and reads tokens. The key lives as long as the process, as the sweeps that it lists do."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, number: int) -> str:
        """The token that goes on after the sweep of this number."""
        packed = number.to_bytes(_NUMBER_BYTES, "big")
        return base64.urlsafe_b64encode(packed + self._mac(packed)).decode()

    def read(self, token: str) -> int:
        """The number in a token.

        Raises:
            PageTokenInvalidError: It was not made here.
        """
        try:
            raw = base64.urlsafe_b64decode(token.encode())
        except (binascii.Error, ValueError):
            raise PageTokenInvalidError from None
        packed, mac = raw[:_NUMBER_BYTES], raw[_NUMBER_BYTES:]
        if not hmac.compare_digest(mac, self._mac(packed)):
            raise PageTokenInvalidError
        return int.from_bytes(packed, "big")

    def _mac(self, packed: bytes) -> bytes:
        return hmac.digest(self._key, b"ListSweeps" + packed, hashlib.sha256)[:_MAC_BYTES]
