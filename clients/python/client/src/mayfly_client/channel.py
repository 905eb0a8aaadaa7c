"""Channels to Mayfly's servers, for callers that use the generated stubs themselves."""

from __future__ import annotations

from mayfly_client._channel import Tls, open_channel, open_sync_channel

__all__ = ["Tls", "open_channel", "open_sync_channel"]
