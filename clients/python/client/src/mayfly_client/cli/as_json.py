"""Results as JSON: the attributes' own names; moments in RFC 3339, bytes in hexadecimal.

A length of time is a number of seconds, and its name says so: `duration` of a result is `duration_seconds` here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


def dumps(value: object) -> str:
    """One JSON text, indented."""
    return json.dumps(plain(value), indent=2, ensure_ascii=False)


def plain(value: Any) -> Any:
    """The value as what JSON knows."""
    if is_dataclass(value) and not isinstance(value, type):
        return {_key(field): plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple | frozenset) else value


def _key(field: Field[Any]) -> str:
    """By the declared type, not by the value: a length that is not known must not change its name."""
    return f"{field.name}_seconds" if "timedelta" in str(field.type) else field.name
