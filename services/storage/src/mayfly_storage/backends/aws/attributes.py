"""DynamoDB's attribute values: made from, and read back as, what the domain speaks of. Absent means empty."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Item: TypeAlias = "dict[str, AttributeValueTypeDef]"

_SECOND = timedelta(seconds=1)


def text(value: str) -> AttributeValueTypeDef:
    """A string."""
    return {"S": value}


def number(value: float) -> AttributeValueTypeDef:
    """A whole number as it is, any other to six decimals at most."""
    return {"N": str(value) if isinstance(value, int) else f"{value:.6f}".rstrip("0").rstrip(".")}


def flag(*, value: bool) -> AttributeValueTypeDef:
    """A truth value."""
    return {"BOOL": value}


def blob(value: bytes) -> AttributeValueTypeDef:
    """Bytes."""
    return {"B": value}


def texts(value: Mapping[str, str]) -> AttributeValueTypeDef:
    """A map of strings."""
    return {"M": {key: {"S": entry} for key, entry in value.items()}}


def time(value: datetime) -> AttributeValueTypeDef:
    """A time as text of one length, so that texts sort as times do."""
    return {"S": iso(value)}


def seconds(value: timedelta) -> AttributeValueTypeDef:
    """A period as a number of seconds."""
    return number(value / _SECOND)


def iso(value: datetime) -> str:
    """ISO 8601 in UTC, with `Z` and microseconds."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


@dataclass(frozen=True, slots=True)
class ItemReader:
    """Reads one item."""

    item: Mapping[str, AttributeValueTypeDef]

    def text(self, name: str) -> str:
        """A string; empty if absent."""
        return self.item[name]["S"] if name in self.item else ""

    def integer(self, name: str) -> int:
        """A whole number; 0 if absent."""
        return int(self.item[name]["N"]) if name in self.item else 0

    def flag(self, name: str) -> bool:
        """A truth value; False if absent."""
        return self.item[name]["BOOL"] if name in self.item else False

    def blob(self, name: str) -> bytes:
        """Bytes; none if absent."""
        return bytes(self.item[name]["B"]) if name in self.item else b""

    def texts(self, name: str) -> dict[str, str]:
        """A map of strings; empty if absent."""
        return {key: entry["S"] for key, entry in self.item[name]["M"].items()} if name in self.item else {}

    def time(self, name: str) -> datetime | None:
        """A time; None if absent."""
        return datetime.fromisoformat(self.item[name]["S"]) if name in self.item else None

    def moment(self, name: str) -> datetime:
        """A time that every item of its kind has. Raises KeyError if this one is of another kind."""
        return datetime.fromisoformat(self.item[name]["S"])

    def period(self, name: str) -> timedelta | None:
        """A period; None if absent."""
        return timedelta(seconds=float(self.item[name]["N"])) if name in self.item else None
