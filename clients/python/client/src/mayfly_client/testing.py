"""An in-memory Mayfly for the tests of callers: no Docker, no voice, no files."""

from __future__ import annotations

from mayfly_client._fake.clock import FakeClock
from mayfly_client._fake.faults import FakeCall
from mayfly_client._fake.mayfly import FakeMayfly

__all__ = ["FakeCall", "FakeClock", "FakeMayfly"]
