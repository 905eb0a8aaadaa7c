"""The keys of signed links: what is signed, how it is verified, and where the secret comes from."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote_plus

from mayfly_storage.backends.embedded.files import opened, sync_folder, write_all
from mayfly_storage.backends.embedded.folder import DataFolderError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SHORTEST: Final = 32
_MOST_PARAMETERS: Final = 16


class LinkRefusedError(Exception):
    """The link was not made by us, or not for this. It does not say what is wrong: that would help to forge one."""


@dataclass(frozen=True, slots=True)
class LinkKeys:
    """HMAC-SHA256 keys: the first signs, all verify, so that a key can be replaced while its links live on."""

    secrets: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.secrets:
            raise ValueError("at least one key is needed to sign links")
        if any(len(secret) < _SHORTEST for secret in self.secrets):
            raise ValueError(f"keys of links must have at least {_SHORTEST} bytes")

    def sign(self, method: str, path: str, parameters: Mapping[str, str]) -> str:
        """The query of a link: the same for the same input, so that caches and players recognise it."""
        query = _encoded({**parameters, "kid": _id_of(self.secrets[0])})
        return f"{query}&sig={_signature(self.secrets[0], method, path, query)}"

    def verify(self, method: str, path: str, query: str) -> dict[str, str]:
        """The parameters of a link that we signed for this method and path. Raises LinkRefusedError for any other."""
        parameters = _parse(query)
        signature = parameters.pop("sig", "")
        known = {_id_of(secret): secret for secret in self.secrets}
        secret = known.get(parameters.get("kid", ""))
        expected = _signature(secret or self.secrets[0], method, path, _encoded(parameters))
        if not hmac.compare_digest(expected.encode(), signature.encode()) or secret is None:
            raise LinkRefusedError("the link is not valid for this request")
        del parameters["kid"]
        return parameters


@lru_cache(maxsize=16)
def _id_of(secret: bytes) -> str:
    """A short name of a key that says nothing about it."""
    return hashlib.sha256(b"mayfly link key id\0" + secret).hexdigest()[:8]


def _encoded(parameters: Mapping[str, str]) -> str:
    """The parameters by name."""
    return "&".join([f"{quote_plus(name)}={quote_plus(value)}" for name, value in sorted(parameters.items())])


def _signature(secret: bytes, method: str, path: str, query: str) -> str:
    # The encoding of the parameters is unambiguous, and no line of it can hold a line break.
    message = f"mayfly-link-1\n{method}\n{path}\n{query}"
    digest = hmac.digest(secret, message.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _parse(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise LinkRefusedError("the link has no query of ours") from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise LinkRefusedError("the link names a parameter twice")
    return parameters


def keys_from_file(path: Path) -> LinkKeys:
    """The keys in a file, one per line in hex, newest first; a file with a new key is made if there is none.

    Raises:
        DataFolderError: If the file holds something else, or cannot be read or made.
    """
    try:
        if not path.exists():
            _make(path)
        return LinkKeys(tuple(bytes.fromhex(line) for line in path.read_text(encoding="ascii").split()))
    except ValueError as error:
        raise DataFolderError(
            path, f"{error}. It has to hold keys in hex, one per line; remove it to get a new one (old links end then)."
        ) from error
    except OSError as error:
        raise DataFolderError(path, f"{error.strerror}. Check the disk and the owner of the file.") from error


def _make(path: Path) -> None:
    staged = path.with_suffix(".new")
    staged.unlink(missing_ok=True)
    with opened(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as handle:
        write_all(handle, secrets.token_hex(32).encode() + b"\n")
        os.fsync(handle)
    staged.rename(path)
    sync_folder(path.parent)
