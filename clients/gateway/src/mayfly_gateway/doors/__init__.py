"""What HTTP callers meet: one router for each kind of them."""

from __future__ import annotations
