"""Retries of what DynamoDB throttles: soon, few, and not when everybody would have to.

The SDK waits a second and more before it tries again, which is longer than callers are promised to wait; and a
transaction that is cancelled because a part of it was throttled it does not try again at all. Both are tried again
here, within the SDK's own count of tries, and with the token of the first try.
"""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_dynamodb.client import DynamoDBClient

THROTTLED: Final = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded", "KeyRangeThroughputExceeded"})
"""Why a transaction was cancelled, or one request refused: too much at a time, and not what was asked for."""
_CODES: Final = THROTTLED | {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottledException",
    "ThrottlingException",
}
_FIRST_PAUSE: Final = 0.2
"""Seconds, before chance takes its part. With three tries a call is held up for 0.6 s at most."""
_BUDGET: Final = 200
"""Retries ahead of successes. A table that throttles all of us is not helped by three times as many requests."""


class ThrottledRetries:
    """Decides after each answer whether to try again, and answers how long to wait before."""

    def __init__(self, *, attempts: int, jitter: Callable[[], float] = random.random) -> None:
        """Take how many tries a call has in all."""
        self._attempts = attempts
        self._jitter = jitter
        self._left = _BUDGET
        self._lock = threading.Lock()

    def watch(self, client: DynamoDBClient) -> None:
        """Be asked before the SDK's own rules; where this has no answer, they decide."""
        # botocore takes an answer from this event alone, which its types do not know.
        client.meta.events.register_first("needs-retry.dynamodb", cast("Callable[..., None]", self))

    def __call__(self, *, response: tuple[Any, Mapping[str, Any]] | None, attempts: int, **_: object) -> float | None:
        """Seconds to wait; None: nothing to do with throttling, or enough is enough."""
        throttled = response is not None and _is_throttled(response[1])
        with self._lock:
            if not throttled:
                self._left = min(_BUDGET, self._left + 1)
                return None
            if attempts >= self._attempts or self._left <= 0:
                return None
            self._left -= 1
        return float(self._jitter() * _FIRST_PAUSE * 2 ** (attempts - 1))


def _is_throttled(answer: Mapping[str, Any]) -> bool:
    code = answer.get("Error", {}).get("Code", "")
    if code != "TransactionCanceledException":
        return code in _CODES
    codes = {reason.get("Code") for reason in answer.get("CancellationReasons", [])} - {"None", None}
    return bool(codes) and codes <= THROTTLED
