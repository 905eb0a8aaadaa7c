"""Which folder takes audio while S3 does not: one item of the table, so that all replicas know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws import attributes as at
from mayfly_storage.backends.aws.attributes import Item, ItemReader
from mayfly_storage.backends.aws.expressions import absent, equals, names_in
from mayfly_storage.backends.aws.rows import PARTITION, SORT
from mayfly_storage.backends.aws.table import Refusal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import UpdateTypeDef

    from mayfly_storage.backends.aws.expressions import Condition
    from mayfly_storage.backends.aws.table import AudioTable

_KEY: Final[Item] = {PARTITION: at.text("fallback"), SORT: at.text("folder")}


@dataclass(frozen=True, slots=True)
class DynamoFolders:
    """A FolderRegistry. An item whose identity is empty is as good as none."""

    table: AudioTable

    async def registered(self) -> str:
        """The identity of the folder that is in use; empty: none."""
        found = await self.table.read([_KEY])
        return ItemReader(found[0]).text("folder_id") if found else ""

    async def register(self, identity: str) -> str:
        """Register a folder if none is. Answers the one that is registered then."""
        free = absent("folder_id") | equals("folder_id", "")
        row = await self.table.update(self._set(identity, free))
        return ItemReader(row.found).text("folder_id") if isinstance(row, Refusal) else identity

    async def forget(self, identity: str) -> None:
        """Register none any more, if this one still is."""
        await self.table.update(self._set("", equals("folder_id", identity)))

    def _set(self, identity: str, condition: Condition) -> UpdateTypeDef:
        update = "SET #folder_id = :new"
        return {
            "TableName": self.table.name,
            "Key": _KEY,
            "UpdateExpression": update,
            "ConditionExpression": condition.text,
            "ExpressionAttributeNames": names_in(update, condition.text),
            "ExpressionAttributeValues": {**condition.values, ":new": at.text(identity)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
