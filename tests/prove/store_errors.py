"""What stores do wrong: single failures inside an answer that succeeds, refusals for a moment, lost answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import urllib3

from mayfly_storage.backends.aws.testing import response_to
from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.domain.ports import DeleteOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.ports import BlobPage, BlobStore, BlobTarget

PARTIAL: Final = "deletions that fail inside an answer that succeeds"
SLOW_DOWN: Final = "a store that asks to slow down"
LOST_ANSWER: Final = "a deletion whose answer is lost"
THROTTLED: Final = "a throttled table"


class DiskErrors:
    """A BlobStore over files that fails at times."""

    kinds = (PARTIAL, SLOW_DOWN)

    def __init__(self, blobs: BlobStore) -> None:
        """Take the store itself."""
        self._blobs = blobs
        self._kind = ""
        self._left = 0

    def begin(self, kind: str) -> None:
        """Fail so, twice."""
        self._kind, self._left = kind, 2

    def calm(self) -> None:
        """Fail no more."""
        self._left = 0

    def __getattr__(self, name: str) -> Any:
        """All else is the store's."""
        return getattr(self._blobs, name)

    async def delete_many(self, targets: Sequence[BlobTarget]) -> list[DeleteOutcome]:
        """Every other one fails."""
        if not self._strikes(PARTIAL):
            return await self._blobs.delete_many(targets)
        taken = await self._blobs.delete_many(targets[1::2]) if targets[1::2] else []
        outcomes = [DeleteOutcome.FAILED] * len(targets)
        outcomes[1::2] = taken
        return outcomes

    async def list_blobs(self, prefix: str, *, limit: int, cursor: str = "") -> BlobPage:
        """Cannot be listed for a moment."""
        if self._strikes(SLOW_DOWN):
            raise BackendUnavailableError("embedded")
        return await self._blobs.list_blobs(prefix, limit=limit, cursor=cursor)

    def _strikes(self, kind: str) -> bool:
        if self._kind != kind or self._left == 0:
            return False
        self._left -= 1
        return True


class WireErrors:
    """S3 and DynamoDB, whose answers are changed on their way."""

    kinds = (PARTIAL, SLOW_DOWN, LOST_ANSWER, THROTTLED)

    def __init__(self, wire: Wire, *, endpoint: str) -> None:
        """Take the wire, and where the emulator really is."""
        self._wire = wire
        self._endpoint = endpoint

    def begin(self, kind: str) -> None:
        """Plan it for the next requests that it can strike."""
        if kind == PARTIAL:
            self._wire.stand_in("DeleteObjects", self._every_other_one, times=2)
        elif kind == LOST_ANSWER:
            self._wire.lose_answer("DeleteObjects")
        elif kind == THROTTLED:
            body = {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}
            self._wire.answer("Query", 400, body, times=2)
        else:
            slow = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
            self._wire.answer("ListObjectsV2", 503, slow, times=2)
            self._wire.answer("DeleteObjects", 503, slow)

    def calm(self) -> None:
        """Forget what did not strike."""
        self._wire.forget_plans()

    def _every_other_one(self, request: AWSPreparedRequest) -> AWSResponse:
        """HTTP 200, and half of the keys were not deleted."""
        body: Any = request.body
        text = (body.read() if hasattr(body, "read") else body).decode()
        keys = re.findall(r"<Key>(.*?)</Key>", text)
        bucket = urlsplit(request.url).path.split("/")[1]
        for key in keys[1::2]:
            urllib3.request("DELETE", f"{self._endpoint}/{bucket}/{quote(key)}")
        told = [f"<Error><Key>{key}</Key><Code>InternalError</Code></Error>" for key in keys[::2]]
        told += [f"<Deleted><Key>{key}</Key></Deleted>" for key in keys[1::2]]
        return response_to(request, 200, f"<DeleteResult>{''.join(told)}</DeleteResult>")
