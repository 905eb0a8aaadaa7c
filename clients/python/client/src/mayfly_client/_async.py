"""AsyncClient, put together."""

from __future__ import annotations

from mayfly_client._async_keeping import AsyncKeeping
from mayfly_client._async_processing import AsyncProcessing
from mayfly_client._async_sweeper import AsyncSweeper
from mayfly_client._async_synth import AsyncSynth
from mayfly_client._async_uploads import AsyncUploads


class AsyncClient(AsyncSynth, AsyncProcessing, AsyncUploads, AsyncKeeping, AsyncSweeper):
    """Calls Mayfly from asyncio.

    Use it as an asynchronous context manager, from one event loop. Channels open when they are first needed, so a
    client that only speaks never talks to storage. Every call has a deadline, raises `MayflyError`s, and is tried
    again where that is safe: reads and calls with a request_id, on UNAVAILABLE.

    Args:
        storage: Address of storage, `host:port` or a gRPC target such as `dns:///storage:50051`.
        synth: Address of synth.
        sweeper: Address of the sweeper.
        token: Bearer token of the caller. In plaintext it is sent to loopback addresses only.
        tls: TLS, and the caller's own certificate. Default: plaintext.
        timeout: Seconds for a call; transfers and streams have ten times as long.
        interceptors: grpc.aio interceptors, outermost first.
    """
