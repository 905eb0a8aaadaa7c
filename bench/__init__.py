"""Benchmarks: each measures Mayfly and its limit (or peer) in the same run, and prints the ratio; `make bench`."""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = (
    "1"  # bare Piper and the peers run on the same engine, and report to nobody, either
)
