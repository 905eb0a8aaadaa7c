"""The protocol's conditional writes (W1, W3, D1, D4) as requests. Nothing here touches the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly_storage.backends.aws import attributes as at
from mayfly_storage.backends.aws.expressions import Condition, absent, assignment, equals, names_in
from mayfly_storage.backends.aws.owned import note
from mayfly_storage.backends.aws.rows import (
    DUE_ATTRIBUTES,
    LEASE,
    LEASE_ATTRIBUTES,
    LEASE_END,
    PARTITION,
    PERSONAL,
    UPLOAD_ID,
    RowFormat,
    claim_key,
    key_of,
    request_item,
)
from mayfly_storage.domain.audio import Audio, AudioName, State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mypy_boto3_dynamodb.type_defs import DeleteTypeDef, PutTypeDef, TransactWriteItemTypeDef, UpdateTypeDef

    from mayfly_storage.backends.aws.attributes import Item
    from mayfly_storage.domain.tickets import Ticket
    from mayfly_storage.domain.uploads import RequestRecord


class Writes:
    """Makes the requests for one table."""

    def __init__(self, table: str, rows: RowFormat) -> None:
        """Take the table's name and how its rows look."""
        self._table = table
        self._rows = rows

    def add_row(self, audio: Audio) -> TransactWriteItemTypeDef:
        """W1: the row, which must be new."""
        return {"Put": self._put(self._rows.item(audio), absent(PARTITION))}

    def add_request(
        self, request: RequestRecord, now: datetime, *, replaces: AudioName | None
    ) -> TransactWriteItemTypeDef:
        """W1: the request record, which must be new or forgotten, or must stand for `replaces`."""
        moment = {":now": at.time(now)}
        if replaces is None:
            condition = absent(PARTITION) | Condition("#forget_time <= :now", moment)
        else:
            condition = equals("audio_name", str(replaces)) & Condition("#forget_time > :now", moment)
        return {"Put": self._put(request_item(request), condition)}

    def add_claim(self, audio: Audio) -> TransactWriteItemTypeDef:
        """W1: the claim of the key, which nobody may hold."""
        return {"Put": self._put(self._rows.claim(audio), absent(PARTITION))}

    def add_note(self, audio: Audio) -> TransactWriteItemTypeDef:
        """W1: the note under the owner, which nothing stands in the way of."""
        return {"Put": {"TableName": self._table, "Item": note(audio)}}

    def make_ready(self, audio: Audio | Ticket) -> UpdateTypeDef:
        """W3: only a PENDING row of this attempt. Says where the bytes are, which W1 only expected."""
        changes = {
            "state": at.text(State.READY),
            "etag": at.text(audio.etag or ""),
            "location": at.text(audio.location),
        }
        s3_url = self._rows.s3_url(audio)
        due = self._rows.due_at(audio.name, audio.expire_time)
        return self._change(
            audio.name,
            changes if s3_url is None else changes | {"s3_url": s3_url},
            due,
            _is(audio, State.PENDING),
            removed=(UPLOAD_ID, *(("s3_url",) if s3_url is None else ())),
        )

    def retain(self, audio: Audio, kept: Audio) -> UpdateTypeDef:
        """Move the expiry: only a READY row with attempt and expiry as given."""
        return self._update(kept, self._rows.life(kept), _is(audio, State.READY) & _expires_as(audio))

    def renew_claim(self, kept: Audio) -> TransactWriteItemTypeDef:
        """Let the claim live as long as its row does: DynamoDB would collect it by the old expiry."""
        held = equals("audio_name", str(kept.name))
        return {"Put": self._put(self._rows.claim(kept), absent(PARTITION) | held)}

    def name_upload(self, audio: Audio, upload_id: str) -> UpdateTypeDef:
        """Note the upload in parts: only on a PENDING row of this attempt that names none."""
        condition = _is(audio, State.PENDING) & absent(UPLOAD_ID)
        return self._update(audio, {UPLOAD_ID: at.text(upload_id)}, condition)

    def begin_delete(self, audio: Audio, tombstone: Audio) -> list[TransactWriteItemTypeDef]:
        """D1, with the lease if the tombstone has one: only a row with state, attempt and expiry as given."""
        changes = {"delete_time": at.time(tombstone.delete_time or audio.create_time)} | self._rows.leased(tombstone)
        update = self._update(tombstone, changes, _is(audio, audio.state) & _expires_as(audio), removed=PERSONAL)
        return [{"Update": update}, *self._claims_that_last(tombstone)]

    def take_lease(self, leased: Audio, now: datetime) -> list[TransactWriteItemTypeDef]:
        """The lease of a tombstone that holds its key, unless another's has not ended."""
        ended = absent(LEASE_END) | Condition("#lease_end <= :now", {":now": at.time(now)})
        held = _is(leased, State.DELETING) & _expires_as(leased) & equals("s3_key", leased.object_key)
        update = self._update(leased, self._rows.leased(leased), held & (ended | _leased_as(leased)))
        return [{"Update": update}, *self._claims_that_last(leased)]

    def _claims_that_last(self, leased: Audio) -> list[TransactWriteItemTypeDef]:
        """What keeps the claim as long as a row that was overdue to be collected."""
        return [self.renew_claim(leased)] if self._rows.is_collected_early(leased) else []

    def mark_bytes_gone(self, gone: Audio) -> TransactWriteItemTypeDef:
        """After D3: only this tombstone."""
        return {"Update": self._update(gone, {"bytes_gone": at.flag(value=True)}, _is_tombstone(gone))}

    def release(self, tombstone: Audio) -> list[TransactWriteItemTypeDef]:
        """D4 of the key: only this tombstone, and only its claim."""
        changes = {"s3_key": at.text(""), "bytes_gone": at.flag(value=True)}
        removed = ("s3_url", *LEASE_ATTRIBUTES)
        update = self._update(tombstone.released(), changes, _is_tombstone(tombstone), removed=removed)
        return [{"Update": update}, self.remove_claim(tombstone)]

    def remove_row(self, tombstone: Audio) -> TransactWriteItemTypeDef:
        """D4: only this tombstone. One that is gone already may be gone."""
        return {"Delete": self._delete(key_of(tombstone.name), absent(PARTITION) | _is_tombstone(tombstone))}

    def remove_claim(self, tombstone: Audio) -> TransactWriteItemTypeDef:
        """D4: only this audio's claim."""
        held = equals("audio_name", str(tombstone.name))
        return {"Delete": self._delete(claim_key(tombstone.object_key), absent(PARTITION) | held)}

    def _update(
        self, audio: Audio, changes: Item, condition: Condition, *, removed: Iterable[str] = ()
    ) -> UpdateTypeDef:
        """Set `changes`, and what every transition changes: the state, and when the row is due."""
        changes = {"state": at.text(audio.state)} | changes
        return self._change(audio.name, changes, self._rows.due(audio), condition, removed=removed)

    def _change(
        self, name: AudioName, changes: Item, due: Item, condition: Condition, *, removed: Iterable[str] = ()
    ) -> UpdateTypeDef:
        never_due = () if due else DUE_ATTRIBUTES
        update = assignment(changes | due, (*removed, *never_due))
        return {
            "TableName": self._table,
            "Key": key_of(name),
            "UpdateExpression": update.text,
            "ConditionExpression": condition.text,
            "ExpressionAttributeNames": names_in(update.text, condition.text),
            "ExpressionAttributeValues": update.values | condition.values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _put(self, item: Item, condition: Condition) -> PutTypeDef:
        request: PutTypeDef = {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": condition.text,
            "ExpressionAttributeNames": names_in(condition.text),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if condition.values:
            request["ExpressionAttributeValues"] = condition.values
        return request

    def _delete(self, key: Item, condition: Condition) -> DeleteTypeDef:
        return {
            "TableName": self._table,
            "Key": key,
            "ConditionExpression": condition.text,
            "ExpressionAttributeNames": names_in(condition.text),
            "ExpressionAttributeValues": condition.values,
        }


def _is(audio: Audio | Ticket, state: State) -> Condition:
    return equals("state", state) & equals("attempt", audio.attempt)


def _is_tombstone(audio: Audio) -> Condition:
    """What `Audio.is_tombstone_of` says."""
    same = _is(audio, State.DELETING)
    return same & _leased_as(audio) if audio.claims_key else same


def _leased_as(audio: Audio) -> Condition:
    return equals(LEASE, audio.lease.holder) if audio.lease is not None else absent(LEASE)


def _expires_as(audio: Audio) -> Condition:
    if audio.expire_time is None:
        return absent("expire_time")
    return equals("expire_time", at.iso(audio.expire_time))
