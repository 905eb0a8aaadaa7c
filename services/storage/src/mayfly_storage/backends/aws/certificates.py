"""The chain of certificates in DynamoDB: a head that names the newest, and an item or more for each certificate.

Appending moves the head and adds the items in one transaction, on the condition that the head is where it was read:
so two certificates never have one predecessor. The head has no end; certificates have one, and the TTL collects them.
Their bodies are compressed, and cut where they are larger than an item may be.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws import attributes as at
from mayfly_storage.backends.aws.attributes import Item, ItemReader
from mayfly_storage.backends.aws.expressions import names_in
from mayfly_storage.backends.aws.rows import PARTITION, SORT
from mayfly_storage.domain.certificates import Certificate
from mayfly_storage.domain.errors import CertificateConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from mayfly_storage.backends.aws.table import AudioTable

_CHAIN: Final = "certificates"
_HEAD: Final = "head"
_PIECE_BYTES: Final = 350 * 1024
"""An item holds 400 KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoCertificates:
    """A CertificateLog."""

    table: AudioTable
    lifetime: timedelta
    now: Callable[[], datetime]

    async def append(self, body: bytes, *, previous_sha256: bytes, request_id: str) -> Certificate:
        """Add one behind the newest."""
        head = await self._head()
        if previous_sha256 != head.blob("sha256"):
            raise CertificateConflictError(previous_sha256.hex())
        added = Certificate(
            sequence=head.integer("sequence") + 1,
            body=body,
            previous_sha256=previous_sha256,
            request_id=request_id,
            create_time=self.now(),
        )
        if await self.table.transact([self._move_head(head, added), *self._pieces(added)]):
            raise CertificateConflictError(previous_sha256.hex())
        return added

    async def newest(self, *, before: int | None, limit: int) -> Sequence[Certificate]:
        """Newest first: their sequences are known, so they are read by key, consistently."""
        if before is None:
            before = (await self._head()).integer("sequence") + 1
        wanted = range(before - 1, max(0, before - 1 - limit), -1)
        found = await self._read([_key(sequence) for sequence in wanted])
        more = [_key(s, n) for s in wanted if s in found for n in range(1, found[s][0].integer("pieces"))]
        for sequence, pieces in (await self._read(more)).items():
            found[sequence] += pieces
        return [_certificate(found[sequence]) for sequence in wanted if sequence in found]

    async def _head(self) -> ItemReader:
        found = await self.table.read([{PARTITION: at.text(_CHAIN), SORT: at.text(_HEAD)}])
        return ItemReader(found[0] if found else {})

    async def _read(self, keys: Sequence[Item]) -> dict[int, list[ItemReader]]:
        found: dict[int, list[ItemReader]] = {}
        items = map(ItemReader, await self.table.read(keys) if keys else ())
        for item in sorted(items, key=lambda item: item.text(SORT)):
            found.setdefault(int(item.text(SORT).partition("#")[0]), []).append(item)
        return found

    def _move_head(self, head: ItemReader, added: Certificate) -> TransactWriteItemTypeDef:
        update = "SET #sequence = :sequence, #sha256 = :sha256"
        condition = "#sha256 = :previous" if head.item else f"attribute_not_exists(#{PARTITION})"
        values: Item = {":sequence": at.number(added.sequence), ":sha256": at.blob(added.sha256)}
        return {
            "Update": {
                "TableName": self.table.name,
                "Key": {PARTITION: at.text(_CHAIN), SORT: at.text(_HEAD)},
                "UpdateExpression": update,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": names_in(update, condition),
                "ExpressionAttributeValues": values
                | ({":previous": at.blob(added.previous_sha256)} if head.item else {}),
            }
        }

    def _pieces(self, added: Certificate) -> list[TransactWriteItemTypeDef]:
        packed = zlib.compress(added.body)
        cuts = [packed[begin : begin + _PIECE_BYTES] for begin in range(0, len(packed), _PIECE_BYTES)]
        ttl: Item = {"ttl": at.number(math.ceil((added.create_time + self.lifetime).timestamp()))}
        facts: Item = {
            "pieces": at.number(len(cuts)),
            "previous_sha256": at.blob(added.previous_sha256),
            "request_id": at.text(added.request_id),
            "certified_at": at.time(added.create_time),
        }
        return [
            {
                "Put": {
                    "TableName": self.table.name,
                    "Item": _key(added.sequence, number)
                    | {"body": at.blob(cut)}
                    | ttl
                    | (facts if number == 0 else {}),
                }
            }
            for number, cut in enumerate(cuts)
        ]


def _key(sequence: int, piece: int = 0) -> Item:
    return {PARTITION: at.text(_CHAIN), SORT: at.text(f"{sequence:012}" + (f"#{piece}" if piece else ""))}


def _certificate(pieces: Sequence[ItemReader]) -> Certificate:
    first = pieces[0]
    return Certificate(
        sequence=int(first.text(SORT)),
        body=zlib.decompress(b"".join(piece.blob("body") for piece in pieces)),
        previous_sha256=first.blob("previous_sha256"),
        request_id=first.text("request_id"),
        create_time=first.moment("certified_at"),
    )
