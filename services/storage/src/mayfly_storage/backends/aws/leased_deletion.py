"""D2 at keys that callers chose: deletes that S3 itself refuses when their lease is over.

A request that is signed in its header is good for a quarter of an hour, and botocore signs every try anew: an eraser
that stalled would delete the next owner's audio. A presigned request says its own end, which is the lease's; it is sent
once, since the first of two tries could land last.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any

from mayfly_storage.backends.aws.presigning import Term, earlier
from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError
from mayfly_storage.domain.ports import DeleteOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mypy_boto3_s3.client import S3Client

    from mayfly_storage.backends.aws.clients import AwsCalls
    from mayfly_storage.backends.aws.credentials import SigningCredentials
    from mayfly_storage.backends.aws.presigning import BucketPresigner

logger = logging.getLogger(__name__)


class LeasedDeletion:
    """Deletes from one bucket."""

    def __init__(
        self,
        client: S3Client,
        calls: AwsCalls,
        *,
        presigner: BucketPresigner,
        credentials: SigningCredentials,
        at_once: int,
        now: Callable[[], datetime],
    ) -> None:
        """Take a client that neither signs nor tries again, how it is called, and what signs instead."""
        self._client = client
        self._calls = calls
        self._presigner = presigner
        self._credentials = credentials
        self._turns = asyncio.Semaphore(at_once)
        self._now = now
        self._own = threading.local()  # nothing of ours comes with a call to where botocore makes its request
        client.meta.events.register("before-call.s3.DeleteObject", self._aim)

    async def __call__(self, end: datetime, keys: Sequence[str]) -> list[DeleteOutcome]:
        """An outcome for each key, in order. Raises what the store fails with, if it does so for all of them."""
        answers = await asyncio.gather(*(self._try(key, end) for key in keys), return_exceptions=True)
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        for error in errors:
            # Of the others one may be deleted by now, or soon: they must be told, whatever became of this one.
            if not isinstance(error, BackendUnavailableError | BackendMisconfiguredError) or len(errors) == len(keys):
                raise error
        if errors:
            logger.warning("s3.delete_failed", extra={"code": type(errors[0]).__name__, "count": len(errors)})
        return [DeleteOutcome.FAILED if isinstance(answer, BaseException) else answer for answer in answers]

    async def _try(self, key: str, end: datetime) -> DeleteOutcome:
        async with self._turns:
            return await self._calls(self._delete, key, end)

    def _delete(self, key: str, end: datetime) -> DeleteOutcome:
        snapshot, now = self._credentials.snapshot(), self._now()
        term = Term.within(begin=now, now=now, end=earlier(end, snapshot.end)[0])
        if term is None or term.end > end:
            return DeleteOutcome.FAILED
        self._own.url = self._presigner.signer.sign(
            "DELETE", key, credentials=snapshot.keys, at=term.begin, seconds=term.seconds
        )
        self._client.delete_object(Bucket=self._presigner.bucket, Key=key)
        return DeleteOutcome.DELETED

    def _aim(self, params: dict[str, Any], **_: object) -> None:
        params["url"] = self._own.url
