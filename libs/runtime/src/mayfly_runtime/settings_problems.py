"""Wrong settings, told all at once and in the operator's words: variable, value unless secret, what is expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mayfly_runtime.settings_names import field_at, is_secret, variables_of
from mayfly_runtime.settings_source import Unreadable

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails
    from pydantic_settings import BaseSettings

_MAX_SHOWN: Final = 60


class SettingsError(Exception):
    """Settings that the process cannot run with."""

    def __init__(self, problems: list[str]) -> None:
        count = f"{len(problems)} problems" if len(problems) > 1 else "a problem"
        super().__init__(f"The settings have {count}:" + "".join(f"\n  - {problem}" for problem in problems))
        self.problems = tuple(problems)


def problems_of(settings: type[BaseSettings], error: ValidationError) -> list[str]:
    """One line for each setting that pydantic refused."""
    found: dict[object, str] = {}
    for details in error.errors(include_url=False):
        # A union reports each of its members; the first says enough.
        key = details["loc"][0] if details["loc"] else len(found)
        found.setdefault(key, _problem(settings, details))
    return list(found.values())


def _problem(settings: type[BaseSettings], details: ErrorDetails) -> str:
    name = field_at(settings, details["loc"][0]) if details["loc"] else None
    if name is None:
        # A rule about several settings together; its author names them in the message.
        return _expected(details)
    variable = variables_of(settings, name)[0]
    field = settings.model_fields[name]
    if isinstance(details["input"], Unreadable):
        return f"{variable} {details['input'].problem}"
    if details["type"] == "missing":
        return f"{variable} is not set: {field.description or 'it has no default'}"
    given = "(secret)" if is_secret(field) else _shown(details["input"])
    return f"{variable}={given}: {_expected(details)}"


def _expected(details: ErrorDetails) -> str:
    message = details["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message.replace("Input should be", "expected", 1)


def _shown(value: Any) -> str:
    text = str(value)
    return repr(text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…")
