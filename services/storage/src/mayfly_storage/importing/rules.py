"""What the path of a file says: which collection it belongs to, whose it is, and its key fields."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mayfly_storage.importing.patterns import USER, chosen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mayfly_storage.importing.patterns import Pattern

_FIELD: Final = re.compile(r"\{(\w+)\}")


class FieldError(ValueError):
    """A field that was given cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a path says."""

    collection: str
    user_id: str
    """Empty: nobody's."""
    key_fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Paths of one form, and what lies there. Raises FieldError if a field cannot be filled in."""

    collection: str
    pattern: Pattern
    fields: Mapping[str, str] = field(default_factory=dict)
    """What the path does not say itself; `{name}` in a value stands for what the pattern has read."""

    def __post_init__(self) -> None:
        for name, value in self.fields.items():
            if unknown := set(_FIELD.findall(value)) - self.pattern.fields:
                pattern = self.pattern.text
                raise FieldError(f"the field {name} is made of {{{min(unknown)}}}, which the pattern {pattern} has not")

    def read(self, path: str) -> Reading | None:
        """What a path says, with `/` between its components; None if it has another form."""
        found = self.pattern.fields_of(path)
        if found is None:
            return None
        made = {name: _FIELD.sub(lambda match: found[match[1]], value) for name, value in self.fields.items()}
        said = {name: value for name, value in found.items() if name not in self._parts} | made
        user_id = made.get(USER) or found.get(USER, "")
        return Reading(collection=self.collection, user_id=user_id, key_fields=chosen(said))

    @property
    def _parts(self) -> set[str]:
        """What the pattern reads in order to make other fields of it; a key has no place for it."""
        return {name for value in self.fields.values() for name in _FIELD.findall(value)}


def read_path(rules: Sequence[Rule], path: str) -> Reading | None:
    """By the first rule that has the path's form."""
    return next((reading for rule in rules if (reading := rule.read(path)) is not None), None)


def read_fields(given: Iterable[str]) -> dict[str, str]:
    """`name=value` for each field that paths do not say. Raises FieldError."""
    fields: dict[str, str] = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or not name.isidentifier() or not value or name in fields:
            raise FieldError(f"the field {text!r} cannot be read. Write name=value, each name once: kind=debug-input")
        fields[name] = value
    return fields
