"""What every part of Client stands on: the twin of _async_connection."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING

from mayfly.storage.v1.storage_service_pb2_grpc import StorageServiceStub
from mayfly.sweeper.v1.sweeper_service_pb2_grpc import SweeperServiceStub
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceStub

from mayfly_client._calls import Calls
from mayfly_client._channel import open_sync_channel
from mayfly_client._grants_sync import open_sync_http
from mayfly_client.config import DEFAULT_STORAGE, DEFAULT_SWEEPER, DEFAULT_SYNTH, DEFAULT_TIMEOUT, ClientSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    import grpc
    import httpx

    from mayfly_client._channel import SyncInterceptor, Tls


class SyncConnection(Calls):
    """Owns the channels and the HTTP client, and closes them. May be used by several threads at once."""

    def __init__(  # noqa: PLR0913 - the settings of a client, all keyword-only and with defaults
        self,
        *,
        storage: str = DEFAULT_STORAGE,
        synth: str = DEFAULT_SYNTH,
        sweeper: str = DEFAULT_SWEEPER,
        token: str | None = None,
        tls: Tls | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        interceptors: Sequence[SyncInterceptor] = (),
    ) -> None:
        super().__init__(
            ClientSettings(storage=storage, synth=synth, sweeper=sweeper, token=token, tls=tls, timeout=timeout),
        )
        self._interceptors = tuple(interceptors)
        self._opened = ExitStack()

    @classmethod
    def from_env(cls) -> Self:
        """A client with the settings of the environment; see `ClientSettings`.

        Raises:
            ConfigError: One or more variables make no sense.
        """
        return cls.from_settings(ClientSettings.from_env())

    @classmethod
    def from_settings(cls, settings: ClientSettings) -> Self:
        """A client with these settings."""
        return cls(
            storage=settings.storage,
            synth=settings.synth,
            sweeper=settings.sweeper,
            token=settings.token,
            tls=settings.tls,
            timeout=settings.timeout,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all channels. Running calls are cancelled; a closed client cannot be used again."""
        self._closed = True
        self._opened.close()

    @cached_property
    def http(self) -> httpx.Client:
        """The HTTP client for signed links, for `put_grant_sync`. Closed with this client."""
        self._refuse_closed()
        return self._opened.enter_context(open_sync_http())

    @cached_property
    def _storage(self) -> StorageServiceStub:
        return StorageServiceStub(self._open("storage"))

    @cached_property
    def _synth(self) -> SynthServiceStub:
        return SynthServiceStub(self._open("synth"))

    @cached_property
    def _sweeper(self) -> SweeperServiceStub:
        return SweeperServiceStub(self._open("sweeper"))

    def _open(self, service: str) -> grpc.Channel:
        self._refuse_closed()
        settings = self.settings
        channel = open_sync_channel(
            self._target(service),
            token=settings.token,
            tls=settings.tls,
            interceptors=self._interceptors,
        )
        return self._opened.enter_context(channel)
