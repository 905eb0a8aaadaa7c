"""An in-memory Mayfly behind real gRPC and HTTP servers, for tests of callers; mayfly_client.testing is its door."""

from __future__ import annotations
