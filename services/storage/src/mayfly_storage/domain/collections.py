"""Collections: where a kind of audio lies, how long it lives, and who may write it. Configuration, not code."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.domain.content_types import EXTENSIONS
from mayfly_storage.domain.errors import CollectionUnknownError, InvalidAudioError
from mayfly_storage.domain.keys import KeyTemplate
from mayfly_storage.domain.quotas import SubjectQuotas

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_LIFE: Final = timedelta(days=36_525)
"""A century, also for audio that is kept until it is deleted: later times would leave the calendar in some sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One kind of audio."""

    id: str
    key_templates: tuple[KeyTemplate, ...]
    lifetime: timedelta | None
    """Longest life; None: until deleted."""
    url_lifetime: timedelta
    """Default life of a link."""
    max_size_bytes: int
    content_types: tuple[str, ...]
    writers: tuple[str, ...]
    """Names of the callers that may write; empty: all that may call CreateUpload."""
    quotas: SubjectQuotas = field(default_factory=SubjectQuotas)
    """How much each guest and each user may ask for."""

    def template_for(self, key_fields: Mapping[str, str], *, has_user: bool) -> KeyTemplate:
        """The template that is meant by these fields. One with `{user_id}` wins where there is a user."""
        fitting = [template for template in self.key_templates if template.chosen_fields == set(key_fields)]
        for template in fitting:
            if ("user_id" in template.fields) == has_user:
                return template
        if fitting and "user_id" not in fitting[0].fields:
            return fitting[0]
        if fitting:
            raise InvalidAudioError("audio.subject", f"a user_id is needed in collection {self.id!r}")
        raise InvalidAudioError("audio.key_fields", self._expected_fields(key_fields))

    def _expected_fields(self, given: Mapping[str, str]) -> str:
        choices = " or ".join(sorted({"{" + ", ".join(sorted(t.chosen_fields)) + "}" for t in self.key_templates}))
        return f"collection {self.id!r} takes exactly {choices}, not {{{', '.join(sorted(given))}}}"

    def parse_key(self, key: str) -> dict[str, str] | None:
        """The fields of a key of this collection; None for any other key."""
        return next((fields for template in self.key_templates if (fields := template.parse(key)) is not None), None)


@dataclass(frozen=True, slots=True)
class Collections:
    """All collections of this storage, by id."""

    by_id: Mapping[str, Collection]

    def get(self, collection_id: str, *, field: str = "collection") -> Collection:
        """The collection. Raises CollectionUnknownError, which blames `field` of the request."""
        try:
            return self.by_id[collection_id]
        except KeyError:
            raise CollectionUnknownError(collection_id, self.by_id, field=field) from None

    def of_key(self, key: str) -> Collection | None:
        """The collection that a key belongs to, if any made it."""
        return next((collection for collection in self.by_id.values() if collection.parse_key(key) is not None), None)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The folders to list so that every object of every collection is seen once."""
        found = sorted({template.prefix for collection in self.by_id.values() for template in collection.key_templates})
        return tuple(p for p in found if not any(p != other and p.startswith(other) for other in found))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Collections:
        """Read the TOML form (see collections.toml). Raises ValueError that lists every problem at once."""
        problems: list[str] = []
        made: dict[str, Collection] = {}
        for collection_id, row in table.items():
            try:
                made[collection_id] = _collection(collection_id, row)
            except (ValueError, TypeError, KeyError) as error:
                problems.append(f"collection {collection_id!r}: {_explain(error)}")
        if not made and not problems:
            problems.append("no collection is defined")
        if problems:
            raise ValueError("; ".join(problems))
        return cls(made)


def _explain(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)


_KNOWN = {"keys", "lifetime_seconds", "url_lifetime_seconds", "max_size_bytes", "content_types", "writers", "quota"}


def _collection(collection_id: str, row: Mapping[str, Any]) -> Collection:
    if not isinstance(row, dict):
        msg = f"must be a table, [{collection_id}], not {row!r}"
        raise TypeError(msg)
    if unknown := set(row) - _KNOWN:
        msg = f"unknown settings {sorted(unknown)}; known are {sorted(_KNOWN)}"
        raise ValueError(msg)
    if foreign := set(_texts("content_types", row["content_types"])) - set(EXTENSIONS):
        msg = f"unknown content types {sorted(foreign)}; known are {sorted(EXTENSIONS)}"
        raise ValueError(msg)
    lifetime = row.get("lifetime_seconds")
    return Collection(
        id=collection_id,
        key_templates=tuple(KeyTemplate(text) for text in _texts("keys", row["keys"])),
        lifetime=None if lifetime is None else _period("lifetime_seconds", lifetime),
        url_lifetime=_period("url_lifetime_seconds", row["url_lifetime_seconds"]),
        max_size_bytes=_positive("max_size_bytes", row["max_size_bytes"]),
        content_types=tuple(row["content_types"]),
        writers=_texts("writers", row["writers"]) if "writers" in row else (),
        quotas=SubjectQuotas.from_table(row["quota"]) if "quota" in row else SubjectQuotas(),
    )


def _texts(name: str, value: object) -> tuple[str, ...]:
    # A text alone would be taken apart into its letters.
    if not isinstance(value, list) or not value or not all(isinstance(text, str) and text for text in value):
        msg = f'{name} must be a list of texts, such as ["a", "b"], not {value!r}'
        raise ValueError(msg)
    return tuple(value)


def _period(name: str, seconds: object) -> timedelta:
    period = _positive(name, seconds)
    if period > LONGEST_LIFE.total_seconds():
        msg = f"{name} must be at most {LONGEST_LIFE.total_seconds():.0f} (a century), not {period}"
        raise ValueError(msg)
    return timedelta(seconds=period)


def _positive(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        msg = f"{name} must be a whole number above 0, not {value!r}"
        raise ValueError(msg)
    return value
