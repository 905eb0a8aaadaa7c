"""Callers: a name, what proves it, and which methods it may call. The one that calls right now is in the context."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERYTHING: Final = ("*",)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a name and a list of methods."""

    name: str

    methods: tuple[str, ...]
    """Full method names, `*` matching anything: `/mayfly.storage.v1.StorageService/*`."""

    token_sha256: str | None = field(default=None, repr=False)
    """SHA-256 of the bearer token, in lowercase hexadecimal digits."""

    spiffe_id: str | None = None
    common_name: str | None = None

    def may_call(self, method: str) -> bool:
        """Whether the entry lists a method, given by its full name."""
        return any(_pattern(glob).match(method) for glob in self.methods)


LOCAL: Final = Caller("local", EVERYTHING)
"""The caller of a server that only this machine can reach."""

_current: ContextVar[Caller] = ContextVar("mayfly_caller")


def current_caller() -> Caller:
    """The caller of the RPC that is running, also in streaming handlers and in `Offload` threads.

    Raises:
        LookupError: Outside of an RPC.
    """
    try:
        return _current.get()
    except LookupError:
        raise LookupError("There is no caller outside of an RPC; in a job or a test, use `acting_as`.") from None


def set_caller(caller: Caller) -> None:
    """Be a caller for the rest of the running task: for the interceptor, whose task is the RPC."""
    _current.set(caller)


@contextmanager
def acting_as(caller: Caller) -> Iterator[None]:
    """Be a caller for the length of a `with` block: for jobs without a server, and for tests."""
    token = _current.set(caller)
    try:
        yield
    finally:
        _current.reset(token)


def hash_token(token: str) -> str:
    """The `token_sha256` of a bearer token."""
    return hashlib.sha256(token.encode()).hexdigest()


# Globs come from the callers file, so there are few of them.
@lru_cache(maxsize=1024)
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(glob))
