"""mayfly-synth: text into speech with Piper, spoken and encoded here, kept by storage."""

from __future__ import annotations

import os

# ONNX Runtime (from 1.29 on) reports each use to its maker, and writes an identifier of this machine to a cache folder.
# It asks for this at its first import, so it has to stand here, before any module that imports it. Nobody's choice:
# Mayfly sends nothing to anybody who was not named in its settings.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # noqa: TID251 - it is written, not read
