"""What stands before every door: headers, bounds and one log line."""

from __future__ import annotations
