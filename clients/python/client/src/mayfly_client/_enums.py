"""Names of enum values, also of those that a newer server may send."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_E = TypeVar("_E", bound=StrEnum)
_V = TypeVar("_V", bound=int)


def value_name(name_of: Callable[[_V], str], number: _V, prefix: str) -> str:
    """The name without its prefix; the number as text where a newer server sends what this client does not know.

    Args:
        name_of: `Name` of protobuf's enum; raises ValueError for a value that this release does not know.
        number: The value.
        prefix: What every name of this enum begins with.
    """
    try:
        return name_of(number).removeprefix(prefix)
    except ValueError:
        return str(number)


def known(enum: type[_E], name: str) -> _E:
    """The member of this name, or UNSPECIFIED for a value of a newer server."""
    return enum(name) if name in enum.__members__ else enum("UNSPECIFIED")
