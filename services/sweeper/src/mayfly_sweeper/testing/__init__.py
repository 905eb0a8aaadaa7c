"""For tests: storage's retention service in memory.

`FakeRetention` is the port; `FakeRetentionServicer` serves it over gRPC.
"""

from __future__ import annotations

from mayfly_sweeper.testing.retention import FakeRetention, Faults
from mayfly_sweeper.testing.retention_servicer import FAKE_ERRORS, FakeRetentionServicer

__all__ = ["FAKE_ERRORS", "FakeRetention", "FakeRetentionServicer", "Faults"]
