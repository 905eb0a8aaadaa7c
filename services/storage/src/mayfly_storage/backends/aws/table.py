"""Requests to the one table, with what DynamoDB leaves to its callers: batches, unprocessed keys, contention."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.clients import DYNAMODB
from mayfly_storage.backends.aws.errors import RETRY_AFTER, code_of
from mayfly_storage.backends.aws.throttling import THROTTLED
from mayfly_storage.domain.errors import BackendUnavailableError, PageTokenInvalidError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

    from mayfly_storage.backends.aws.attributes import Item
    from mayfly_storage.backends.aws.clients import AwsCalls
    from mayfly_storage.backends.aws.patience import Patience

R = TypeVar("R")

MAX_READS: Final = 100
"""Of BatchGetItem."""
MAX_WRITES: Final = 100
"""Of TransactWriteItems."""
_MAX_ASKED: Final = 4
"""How often keys are asked for that DynamoDB left out: it does so where it is throttled."""
_EXPECTED: Final = THROTTLED | {"ConditionalCheckFailed", "TransactionConflict"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A write whose condition did not hold, and what is there; nothing, if there is none."""

    found: Item


class AudioTable:
    """Reads consistently, and writes conditionally."""

    def __init__(self, client: DynamoDBClient, calls: AwsCalls, *, name: str, patience: Patience) -> None:
        """Take the client, how it is called, and how long contention is borne with."""
        self.client = client
        self.calls = calls
        self.name = name
        self._patience = patience

    async def read(self, keys: Sequence[Item]) -> list[Item]:
        """The items that exist, of any number of different keys, as they were last written."""
        chunks = [keys[start : start + MAX_READS] for start in range(0, len(keys), MAX_READS)]
        return [item for page in await asyncio.gather(*map(self._read, chunks)) for item in page]

    async def _read(self, keys: Sequence[Item]) -> list[Item]:
        found: list[Item] = []
        wanted: Sequence[Any] = keys
        for pause in islice(self._patience.pauses(), _MAX_ASKED):
            page = await self.calls(
                self.client.batch_get_item, RequestItems={self.name: {"Keys": wanted, "ConsistentRead": True}}
            )
            found += page["Responses"].get(self.name, [])
            if self.name not in page["UnprocessedKeys"]:
                return found
            wanted = page["UnprocessedKeys"][self.name]["Keys"]
            await asyncio.sleep(pause)
        raise self._overloaded()

    async def page(self, read: Callable[..., R], **request: Any) -> R:
        """A page of a query or a scan.

        Raises:
            PageTokenInvalidError: DynamoDB refuses the key to start behind; a caller made it up.
        """
        try:
            return await self.calls(read, **request)
        except ClientError as error:
            if "ExclusiveStartKey" in request and code_of(error) == "ValidationException":
                raise PageTokenInvalidError from None
            raise

    async def update(self, request: UpdateTypeDef) -> Item | Refusal:
        """Update one item. Answers it as it is now, or why not."""
        for pause in self._patience.pauses():
            try:
                done = await self.calls(self.client.update_item, **request, ReturnValues="ALL_NEW")
            except ClientError as error:
                if code_of(error) == "ConditionalCheckFailedException":
                    return Refusal(_details(error).get("Item", {}))
                if code_of(error) != "TransactionConflictException":
                    raise
            else:
                return done["Attributes"]
            await asyncio.sleep(pause)
        raise self._overloaded()

    async def transact(self, writes: Sequence[TransactWriteItemTypeDef]) -> dict[int, Refusal]:
        """All writes, or none: then those whose conditions did not hold, by their place.

        botocore gives each call a token of its own, which makes its retries safe. A call made anew has another one,
        since DynamoDB refuses a token with other values (another now, say): callers compare what they find.
        """
        for pause in self._patience.pauses():
            try:
                await self.calls(self.client.transact_write_items, TransactItems=writes)
            except ClientError as error:
                if refusals := _refusals(error):
                    return refusals
            else:
                return {}
            await asyncio.sleep(pause)
        raise self._overloaded()

    async def apply(self, steps: Sequence[Sequence[TransactWriteItemTypeDef]]) -> list[Refusal | None]:
        """Apply each step that can be; its writes belong together. Answers what stood against the others.

        A hundred writes share a request. Where some are refused, the others of it are sent again without them.
        """
        outcomes: list[Refusal | None] = [None] * len(steps)
        for batch in _batches(steps):
            left = batch
            while left:
                places = [number for number in left for _ in steps[number]]
                refused = await self.transact([write for number in left for write in steps[number]])
                for place, refusal in refused.items():
                    outcomes[places[place]] = refusal
                left = [number for number in left if outcomes[number] is None] if refused else []
        return outcomes

    def _overloaded(self) -> BackendUnavailableError:
        return BackendUnavailableError(self.calls.service, retry_after=RETRY_AFTER)


def _batches(steps: Sequence[Sequence[TransactWriteItemTypeDef]]) -> Iterator[list[int]]:
    """Numbers of steps whose writes fit into one transaction."""
    batch: list[int] = []
    size = 0
    for number, writes in enumerate(steps):
        if size + len(writes) > MAX_WRITES:
            yield batch
            batch, size = [], 0
        batch.append(number)
        size += len(writes)
    if batch:
        yield batch


def _refusals(error: ClientError) -> dict[int, Refusal]:
    """The writes whose conditions did not hold; none if others were in the way. Raises what is neither."""
    reasons = _details(error).get("CancellationReasons", [])
    codes = {reason["Code"] for reason in reasons} - {"None"}
    if code_of(error) != "TransactionCanceledException" or not codes <= _EXPECTED:
        raise error
    if codes and codes <= THROTTLED:  # it was tried again as often as it may be
        raise BackendUnavailableError(DYNAMODB, retry_after=RETRY_AFTER) from error
    return {
        place: Refusal(reason.get("Item", {}))
        for place, reason in enumerate(reasons)
        if reason["Code"] == "ConditionalCheckFailed"
    }


def _details(error: ClientError) -> Mapping[str, Any]:
    """The whole answer; botocore's types name only what every error has."""
    return cast("Mapping[str, Any]", error.response)
