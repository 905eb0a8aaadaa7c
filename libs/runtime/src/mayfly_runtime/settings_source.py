"""The environment as a source of settings: `VARIABLE`, or `VARIABLE_FILE` for secrets; lists with commas.

What cannot be read becomes a value that no field accepts, instead of an exception, so that it is reported together
with everything else that is wrong.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from pydantic_settings import EnvSettingsSource

from mayfly_runtime.settings_names import is_secret, variables_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

FILE_SUFFIX: Final = "_FILE"
_NEAR: Final = 0.8


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a value that could not be read, and says why."""

    problem: str


def misspelt(settings: type[BaseSettings], given: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of a variable that nobody reads and the setting that was probably meant.

    Only near misses: the prefix is shared with clients' variables, and with those that Kubernetes adds by itself.
    """
    prefix = str(settings.model_config.get("env_prefix", "")).upper()
    known = {variable for name in settings.model_fields for variable in variables_of(settings, name)}
    suffixes = {variable.removeprefix(prefix): variable for variable in known if variable.startswith(prefix)}
    secrets = (name for name, field in settings.model_fields.items() if is_secret(field))
    known |= {variable + FILE_SUFFIX for name in secrets for variable in variables_of(settings, name)}
    names = {name.upper() for name in given}
    pairs = []
    for name in sorted(names - known) if prefix else ():
        near = get_close_matches(name.removeprefix(prefix), suffixes, n=1, cutoff=_NEAR)
        if name.startswith(prefix) and near and suffixes[near[0]] not in names:
            pairs.append((name, suffixes[near[0]]))
    return pairs


class EnvironmentSource(EnvSettingsSource):
    """pydantic's source, with secrets from files and friendlier lists."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Answer the variable's value, or the content of the file that `VARIABLE_FILE` names."""
        value, key, is_complex = super().get_field_value(field, field_name)
        if not is_secret(field):
            return value, key, is_complex
        for variable in variables_of(self.settings_cls, field_name):
            path = self.env_vars.get(self._apply_case_sensitive(variable + FILE_SUFFIX))
            if path is not None:
                return self._from_file(variable, path, given=value), key, False
        return value, key, is_complex

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:  # noqa: FBT001 - pydantic's signature
        """Pass an unreadable value on, for the validation to trip over."""
        if isinstance(value, Unreadable):
            return value
        return super().prepare_field_value(field_name, field, value, value_is_complex)

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Read `a, b` as a list, as well as JSON; what is neither is left for the validation to refuse."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except json.JSONDecodeError:
            if get_origin(field.annotation) in (list, tuple, set, frozenset) and get_args(field.annotation):
                return [part.strip() for part in str(value).split(",") if part.strip()]
            return value

    @staticmethod
    def _from_file(variable: str, path: str, *, given: Any) -> str | Unreadable:
        if given is not None:
            return Unreadable(f"is given together with {variable}{FILE_SUFFIX}; give one of them")
        try:
            # Editors and `echo` end files with a newline that is not part of the secret.
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            return Unreadable(f"cannot be read from {variable}{FILE_SUFFIX}={path}: {reason}")
