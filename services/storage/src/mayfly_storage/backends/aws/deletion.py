"""D2: deleting objects by the thousand, each only if it is still the one that was meant."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.ports import DeleteOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mypy_boto3_s3.type_defs import DeleteObjectsOutputTypeDef, ObjectIdentifierTypeDef

    from mayfly_storage.backends.aws.places import ObjectPlaces
    from mayfly_storage.domain.ports import BlobTarget

logger = logging.getLogger(__name__)

_OUTCOMES: Final = {
    "PreconditionFailed": DeleteOutcome.CHANGED,
    # With an ETag, S3 says of an absent key that it is absent, rather than that it is deleted.
    "NoSuchKey": DeleteOutcome.DELETED,
}


class ObjectDeletion:
    """Deletes from one bucket."""

    def __init__(self, places: ObjectPlaces, *, conditional: bool) -> None:
        """Take the bucket, and whether its DeleteObjects honours ETags."""
        self._places = places
        self._conditional = conditional

    async def delete(self, targets: Sequence[BlobTarget]) -> list[DeleteOutcome]:
        """An outcome for each of up to 1,000 targets, in order."""
        known = {} if self._conditional else await self._compare(targets)
        wanted = [target for target in targets if target not in known]
        outcomes = await self._request(wanted) if wanted else {}
        return [known.get(target) or outcomes[target.key] for target in targets]

    async def _compare(self, targets: Sequence[BlobTarget]) -> dict[BlobTarget, DeleteOutcome]:
        """Where the store does not look at ETags: what need not, or must not, be deleted."""
        named = {target: target.etag for target in targets if target.etag is not None}
        if not named:
            return {}
        there = await self._places.etags([target.key for target in named])
        outcomes: dict[BlobTarget, DeleteOutcome] = {}
        for target, etag in named.items():
            if target.key not in there:
                outcomes[target] = DeleteOutcome.DELETED
            elif _bare(there[target.key]) != _bare(etag):
                outcomes[target] = DeleteOutcome.CHANGED
        return outcomes

    async def _request(self, targets: Iterable[BlobTarget]) -> dict[str, DeleteOutcome]:
        objects = [_identifier(target) for target in targets]
        answer = await self._places.calls(
            self._places.client.delete_objects, Bucket=self._places.bucket, Delete={"Objects": objects, "Quiet": False}
        )
        _report(answer)
        # Only what S3 names as deleted is: HTTP 200 says nothing about the keys.
        outcomes = {each["Key"]: DeleteOutcome.FAILED for each in objects}
        outcomes |= {each["Key"]: DeleteOutcome.DELETED for each in answer.get("Deleted", [])}
        return outcomes | {
            each["Key"]: _OUTCOMES.get(each["Code"], DeleteOutcome.FAILED) for each in answer.get("Errors", [])
        }


def _identifier(target: BlobTarget) -> ObjectIdentifierTypeDef:
    return {"Key": target.key} if target.etag is None else {"Key": target.key, "ETag": _bare(target.etag)}


def _bare(etag: str) -> str:
    """Without the quotes, which answers have and requests need not."""
    return etag.strip('"')


def _report(answer: DeleteObjectsOutputTypeDef) -> None:
    codes = Counter(each["Code"] for each in answer.get("Errors", []) if each["Code"] not in _OUTCOMES)
    for code, count in codes.items():
        logger.warning("s3.delete_failed", extra={"code": code, "count": count})
