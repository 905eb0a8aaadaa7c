"""Putting bytes through an upload grant, for callers that do the three steps of an upload themselves."""

from __future__ import annotations

from mayfly_client._grants_async import open_http, put_grant
from mayfly_client._grants_sync import open_sync_http, put_grant_sync

__all__ = ["open_http", "open_sync_http", "put_grant", "put_grant_sync"]
