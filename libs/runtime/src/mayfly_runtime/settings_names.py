"""How a settings field and its environment variables find each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from pydantic import AliasChoices, SecretBytes, SecretStr

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

_SECRETS = (SecretStr, SecretBytes)


def variables_of(settings: type[BaseSettings], name: str) -> tuple[str, ...]:
    """The environment variables of a field: the canonical one first, then the aliases that still work."""
    alias = settings.model_fields[name].validation_alias
    if isinstance(alias, str):
        return (alias.upper(),)
    if isinstance(alias, AliasChoices):
        return tuple(choice.upper() for choice in alias.choices if isinstance(choice, str))
    return (f"{settings.model_config.get('env_prefix', '')}{name}".upper(),)


def field_at(settings: type[BaseSettings], key: object) -> str | None:
    """The field that pydantic means in an error's location: it may say the field's name or an alias."""
    for name in settings.model_fields:
        if key == name or str(key).upper() in variables_of(settings, name):
            return name
    return None


def is_secret(field: FieldInfo) -> bool:
    """Whether the values of a field must not be shown."""
    return _holds_secret(field.annotation)


def _holds_secret(annotation: object) -> bool:
    # At any depth: `Annotated[SecretStr, ...] | None` is a secret, too.
    return annotation in _SECRETS or any(_holds_secret(part) for part in get_args(annotation))
