"""Events as OpenAI's SDKs read them: server-sent, each a line of JSON."""

from __future__ import annotations

import json
from typing import Any, Final

CONTENT_TYPE: Final = "text/event-stream"


def event(told: dict[str, Any]) -> bytes:
    """One event on the wire."""
    return f"data: {json.dumps(told, separators=(',', ':'))}\n\n".encode()
