"""Real sweepers over storage's real retention service, without a network between them: a crash ends both at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from mayfly_runtime.violations import InvalidRequestError
from mayfly_storage.domain import errors as storage_errors
from mayfly_storage.transport.retention_servicer import RetentionServicer
from mayfly_sweeper.adapters.retention_client import RetentionClient
from mayfly_sweeper.domain import errors as sweeper_errors
from mayfly_sweeper.domain.items import Outcome
from mayfly_sweeper.domain.sweep import SweepOrder
from mayfly_sweeper.usecases.certified import CertifiedEngine
from mayfly_sweeper.usecases.sweep import SweepEngine
from mayfly_sweeper.usecases.witness import Sources
from tests.prove.scenario import BOUND

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.usecases.assembly import RetentionUseCases
    from mayfly_sweeper.domain.items import DueItem, PurgeResult
    from mayfly_sweeper.domain.sweep import Ending

_VERSION: Final = "prove"


class SweeperKilled(BaseException):
    """The sweeper's process is gone; storage goes on."""


class DirectChannel:
    """A channel whose other end is a servicer: messages are written and read as on the wire."""

    def __init__(self, servicer: Any, *, killed_at: int | None = None) -> None:
        """Take the servicer; `killed_at` is the number of the call that the caller does not live to see answered."""
        self._servicer = servicer
        self._killed_at = killed_at
        self._calls = 0

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes],
        response_deserializer: Callable[[bytes], Any],
        **_: object,
    ) -> Callable[..., Awaitable[Any]]:
        """What generated stubs ask for."""
        serve = getattr(self._servicer, method.rsplit("/", 1)[-1])

        async def call(request: Any, **_: object) -> Any:
            sent = type(request).FromString(request_serializer(request))
            try:
                answer = await serve(sent, None)
            except (storage_errors.StorageError, InvalidRequestError) as error:
                raise _as_told(error) from error
            self._calls += 1
            if self._calls == self._killed_at:
                raise SweeperKilled
            return response_deserializer(answer.SerializeToString())

        return call


def _as_told(error: Exception) -> sweeper_errors.StorageError:
    if isinstance(error, storage_errors.CertificateConflictError):
        return sweeper_errors.CertificateConflictError()
    if isinstance(error, storage_errors.BackendUnavailableError):
        return sweeper_errors.StorageUnavailableError(str(error))
    return sweeper_errors.StorageRefusedError(str(error), storage_reason=type(error).__name__)


class Sweepers:
    """Carries out sweeps, each with its certificate."""

    def __init__(self, retention: RetentionUseCases, clock: FakeClock) -> None:
        """Take what they sweep."""
        self._servicer = RetentionServicer(retention)
        self._clock = clock
        self.deleted: list[tuple[datetime, datetime]] = []
        """When each item was due, and when it was deleted, since the list was emptied."""

    async def sweep(self, *, killed_at: int | None = None) -> Ending:
        """One sweep of everything."""
        channel: Any = DirectChannel(self._servicer, killed_at=killed_at)
        return await self._engine(self._client(channel))(SweepOrder(time_budget=BOUND), on_result=self._saw)

    def client(self) -> RetentionClient:
        """Reads certificates, as an auditor would."""
        channel: Any = DirectChannel(self._servicer)
        return self._client(channel)

    @staticmethod
    def _client(channel: Any) -> RetentionClient:
        return RetentionClient(channel, target="prove", call_timeout=BOUND)

    def _engine(self, client: RetentionClient) -> CertifiedEngine:
        engine = SweepEngine(
            retention=client, now=self._clock.now, monotonic=self._clock.monotonic, max_clock_skew=BOUND / 6
        )
        sources = Sources(retention=client, certificates=client, now=self._clock.now, new_id=uuid4, version=_VERSION)
        return CertifiedEngine(engine=engine, sources=sources)

    def _saw(self, item: DueItem, result: PurgeResult) -> None:
        if result.outcome is Outcome.DELETED and item.due_time is not None:
            self.deleted.append((item.due_time, self._clock.now()))
