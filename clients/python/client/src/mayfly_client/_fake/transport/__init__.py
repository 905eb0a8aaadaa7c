"""The generated servicers, carried out in memory."""

from __future__ import annotations
