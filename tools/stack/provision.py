"""Bucket and table of the local moto server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.stack.layout import Layout


def provision(layout: Layout) -> None:
    """Make what storage expects to find."""
    raise NotImplementedError(layout)
