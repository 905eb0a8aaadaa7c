"""Object keys: made from a collection's template, and read back from a listing.

A template is a path with `{fields}`. Storage fills in `date`, `audio_id`, `ext`, `timestamp` and `user_id`; all other
fields are chosen by the caller. No value can leave its place: `/`, dots alone and control characters are refused.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN_FIELDS = frozenset({"date", "audio_id", "ext", "timestamp", "user_id"})
MAX_FIELD_LENGTH = 128
MAX_KEY_BYTES = 1_024
"""S3 takes no longer keys."""
MAX_PART_BYTES = 255
"""File systems take no longer names."""
_PATTERNS = {
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "audio_id": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "ext": r"[a-z0-9]{1,8}",
    "timestamp": r"[0-9]{1,16}",
}
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]*")
_INDEX_SPEC = re.compile(r"0[1-6]")


def normalize_component(value: str) -> str:
    """One path component in NFC. Raises ValueError, with what is allowed, for what could leave its place in a key."""
    text = unicodedata.normalize("NFC", value)
    if not 1 <= len(text) <= MAX_FIELD_LENGTH:
        msg = f"must have 1 to {MAX_FIELD_LENGTH} characters"
        raise ValueError(msg)
    if text in {".", ".."} or "/" in text or "\\" in text:
        msg = "must not be a path: no '/', no backslash, not '.' or '..'"
        raise ValueError(msg)
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in text):
        msg = "must not contain control or formatting characters"
        raise ValueError(msg)
    return text


def _is_field(name: str, spec: str) -> bool:
    has_digits = _INDEX_SPEC.fullmatch(spec) is not None and name not in OWN_FIELDS
    return _FIELD_NAME.fullmatch(name) is not None and (not spec or has_digits)


@dataclass(frozen=True)
class KeyTemplate:
    """`temp-audio/{date}/{audio_id}.{ext}` and its like. Raises ValueError if it could not be read back."""

    text: str

    def __post_init__(self) -> None:
        if not self.prefix.endswith("/") or self.text.startswith("/") or ".." in self.text:
            msg = f"key template {self.text!r} must begin with a fixed folder, such as 'temp-audio/'"
            raise ValueError(msg)
        if len(self._parts) > len({name for name, _ in self._parts}):
            msg = f"key template {self.text!r} names a field twice"
            raise ValueError(msg)
        if "!" in self.text or not all(_is_field(name, spec) for name, spec in self._parts):
            msg = (
                f"key template {self.text!r} may only have fields such as {{recording_id}}, "
                "and {index:03} for a number with leading zeros"
            )
            raise ValueError(msg)

    @cached_property
    def _parts(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, spec or "") for _, name, spec, _ in Formatter().parse(self.text) if name is not None)

    @cached_property
    def prefix(self) -> str:
        """The fixed beginning, under which all objects of the template lie."""
        return self.text.split("{", 1)[0]

    @cached_property
    def fields(self) -> frozenset[str]:
        """Names of all fields."""
        return frozenset(name for name, _ in self._parts)

    @property
    def chosen_fields(self) -> frozenset[str]:
        """Names of the fields that the caller chooses."""
        return self.fields - OWN_FIELDS

    @property
    def is_unique(self) -> bool:
        """Whether a key alone names its row, so that no two audios can have it and no claim is needed."""
        return {"date", "audio_id"} <= self.fields

    def render(self, values: Mapping[str, str]) -> str:
        """Fill in the fields. Raises ValueError naming the field and what is allowed."""
        key = "".join(
            literal + (self._fill(name, spec or "", values) if name else "")
            for literal, name, spec, _ in Formatter().parse(self.text)
        )
        longest = max(len(part.encode()) for part in key.split("/"))
        if longest > MAX_PART_BYTES or len(key.encode()) > MAX_KEY_BYTES:
            msg = (
                f"make a key that is too long: at most {MAX_KEY_BYTES} bytes in UTF-8, {MAX_PART_BYTES} between two '/'"
            )
            raise ValueError(msg)
        return key

    @staticmethod
    def _fill(name: str, spec: str, values: Mapping[str, str]) -> str:
        value = values[name]
        if not spec:
            return value
        if not (value.isascii() and value.isdigit()) or len(value) > 6:
            msg = f"{name} must be a whole number from 0 to 999999"
            raise ValueError(msg)
        return format(int(value), spec)

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        pieces = []
        for literal, name, spec, _ in Formatter().parse(self.text):
            pieces.append(re.escape(literal))
            if name:
                default = r"[0-9]{1,6}" if spec else r"[^/]+"
                pieces.append(f"(?P<{name}>{_PATTERNS.get(name, default)})")
        return re.compile("".join(pieces))

    def parse(self, key: str) -> dict[str, str] | None:
        """The fields of a key that this template made; None for any other key."""
        match = self._regex.fullmatch(key)
        return match.groupdict() if match else None
