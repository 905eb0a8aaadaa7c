"""DynamoDB's expressions. Every attribute stands in them as `#name`: many of system A's names are reserved words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws import attributes as at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mayfly_storage.backends.aws.attributes import Item

_ALIAS: Final = re.compile(r"#(\w+)")


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to hold, and the values that it speaks of."""

    text: str
    values: Item = field(default_factory=dict)

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"({self.text}) AND ({other.text})", self.values | other.values)

    def __or__(self, other: Condition) -> Condition:
        return Condition(f"({self.text}) OR ({other.text})", self.values | other.values)


def names_in(*expressions: str) -> dict[str, str]:
    """The names behind the aliases in expressions; DynamoDB refuses any that is not used."""
    return {f"#{name}": name for expression in expressions for name in _ALIAS.findall(expression)}


def absent(name: str) -> Condition:
    """The attribute is not there; for a key attribute: the item is not there."""
    return Condition(f"attribute_not_exists(#{name})")


def equals(name: str, value: str) -> Condition:
    """The attribute is this text."""
    return Condition(f"#{name} = :{name}_is", {f":{name}_is": at.text(value)})


def assignment(changes: Item, removed: Iterable[str]) -> Condition:
    """The update that sets and removes attributes."""
    parts = ["SET " + ", ".join(f"#{name} = :{name}" for name in changes)]
    if gone := ", ".join(f"#{name}" for name in removed):
        parts.append(f"REMOVE {gone}")
    return Condition(" ".join(parts), {f":{name}": value for name, value in changes.items()})
