"""Streams that the caller feeds: what goes wrong in the caller's own iterator is the caller's to see.

gRPC turns an exception of a request iterator into a cancelled call, which looks as if somebody had cancelled it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_T = TypeVar("_T")


class Outgoing(Generic[_T]):
    """An asynchronous iterator of requests that remembers what went wrong in it."""

    def __init__(self, requests: AsyncIterator[_T]) -> None:
        self._requests = requests
        self.failure: Exception | None = None

    def __aiter__(self) -> Outgoing[_T]:
        return self

    async def __anext__(self) -> _T:
        try:
            return await anext(self._requests)
        except StopAsyncIteration:
            raise
        except Exception as error:
            self.failure = error
            raise


class SyncOutgoing(Generic[_T]):
    """The synchronous twin of `Outgoing`."""

    def __init__(self, requests: Iterator[_T]) -> None:
        self._requests = requests
        self.failure: Exception | None = None

    def __iter__(self) -> SyncOutgoing[_T]:
        return self

    def __next__(self) -> _T:
        try:
            return next(self._requests)
        except StopIteration:
            raise
        except Exception as error:
            self.failure = error
            raise


@contextmanager
def blaming(outgoing: Outgoing[_T] | SyncOutgoing[_T]) -> Iterator[None]:
    """Raise the failure of the outgoing stream in place of the cancelled call that it led to."""
    try:
        yield
    except BaseException:
        if outgoing.failure is not None:
            raise outgoing.failure from None
        raise
