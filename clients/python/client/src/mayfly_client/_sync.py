"""Client, put together."""

from __future__ import annotations

from mayfly_client._sync_keeping import SyncKeeping
from mayfly_client._sync_processing import SyncProcessing
from mayfly_client._sync_sweeper import SyncSweeper
from mayfly_client._sync_synth import SyncSynth
from mayfly_client._sync_uploads import SyncUploads


class Client(SyncSynth, SyncProcessing, SyncUploads, SyncKeeping, SyncSweeper):
    """Calls Mayfly from ordinary, synchronous code; the twin of `AsyncClient`.

    Use it as a context manager; several threads may share one. Channels open when they are first needed, so a client
    that only speaks never talks to storage. Every call has a deadline, raises `MayflyError`s, and is tried again where
    that is safe: reads and calls with a request_id, on UNAVAILABLE.

    Args:
        storage: Address of storage, `host:port` or a gRPC target such as `dns:///storage:50051`.
        synth: Address of synth.
        sweeper: Address of the sweeper.
        token: Bearer token of the caller. In plaintext it is sent to loopback addresses only.
        tls: TLS, and the caller's own certificate. Default: plaintext.
        timeout: Seconds for a call; transfers and streams have ten times as long.
        interceptors: Interceptors of synchronous gRPC, outermost first.
    """
