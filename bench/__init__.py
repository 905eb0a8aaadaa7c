"""Benchmarks: each measures Mayfly and its limit (or peer) in the same run, and prints the ratio; `make bench`."""

from __future__ import annotations

import os

# Bare Piper and the peers run on the same engine as synth, and report to nobody, either.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
