"""What settings there are and what they are set to: for `.env.example`, the documentation and the log at start-up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretBytes, SecretStr

from mayfly_runtime.durations import format_duration
from mayfly_runtime.settings_names import is_secret, variables_of

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

MASK: Final = "********"


@dataclass(frozen=True, slots=True)
class SettingReference:
    """One setting, for people."""

    variable: str
    """The canonical environment variable."""

    default: str | None
    """As one would write it in the environment; None if the setting is required."""

    meaning: str
    """The field's docstring, on one line."""

    aliases: tuple[str, ...] = ()
    """Older variables that still work."""

    secret: bool = False
    """Whether `VARIABLE_FILE` works, too, and the value is never shown."""


def references_of(settings: type[BaseSettings]) -> list[SettingReference]:
    """Every setting of a class, in the order of definition."""
    return [_reference(settings, name, field) for name, field in settings.model_fields.items()]


def describe_settings(settings: BaseSettings) -> str:
    """The effective values as an aligned table; `*` marks what differs from the default, secrets are masked."""
    rows = [
        (variables_of(type(settings), name)[0], _masked(field, getattr(settings, name)), name in _changed(settings))
        for name, field in type(settings).model_fields.items()
    ]
    width = max((len(variable) for variable, _, _ in rows), default=0)
    return "\n".join(f"{'*' if changed else ' '} {variable:<{width}}  {value}" for variable, value, changed in rows)


def _reference(settings: type[BaseSettings], name: str, field: FieldInfo) -> SettingReference:
    canonical, *aliases = variables_of(settings, name)
    default = None if field.is_required() else _text(field.get_default(call_default_factory=True, validated_data={}))
    meaning = " ".join((field.description or "").split())
    return SettingReference(canonical, default, meaning, tuple(aliases), is_secret(field))


def _changed(settings: BaseSettings) -> set[str]:
    fields = type(settings).model_fields
    return {
        name
        for name, field in fields.items()
        if field.is_required()
        or getattr(settings, name) != field.get_default(call_default_factory=True, validated_data={})
    }


def _masked(field: FieldInfo, value: Any) -> str:
    if is_secret(field) and value is not None:
        return MASK if _text(value) else "(empty)"
    return _text(value) or "(none)"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, SecretStr | SecretBytes):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(_text(part) for part in value)
    return str(value)
