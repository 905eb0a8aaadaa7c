"""The environment as a source of settings: `VARIABLE`, or `VARIABLE_FILE` for secrets; lists with commas.

What cannot be read becomes a value that no field accepts, instead of an exception, so that it is reported together
with everything else that is wrong.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic_settings import EnvSettingsSource

from mayfly_runtime.settings_names import is_secret, variables_of

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

FILE_SUFFIX = "_FILE"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a value that could not be read, and says why."""

    problem: str


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
