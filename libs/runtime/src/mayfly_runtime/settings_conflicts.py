"""One setting, given under two names with two meanings: nobody can know which of them was meant."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import TypeAdapter, ValidationError

from mayfly_runtime.settings_names import is_secret, variables_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings


def conflicts(
    settings: type[BaseSettings], given: Mapping[str, str | None], *, ambient: frozenset[str]
) -> Iterator[str]:
    """A problem for each two variables of a setting that contradict each other.

    Args:
        settings: Whose variables.
        given: The environment, by names in any case.
        ambient: Variables that platforms set by themselves, which may say anything beside one of ours.
    """
    values = {name.upper(): value for name, value in given.items() if value is not None}
    for name, field in settings.model_fields.items():
        variables = [each for each in variables_of(settings, name) if each in values and each not in ambient]
        for one, other in combinations(variables, 2):
            if not _agree(field, values[one], values[other]):
                told = [each if is_secret(field) else f"{each}={values[each]!r}" for each in (one, other)]
                yield f"{told[0]} and {told[1]} name the same setting, and contradict each other; give one of them"


def _agree(field: FieldInfo, one: str, other: str) -> bool:
    """Whether both texts mean the same: `true` is what `aws` is, and `3600` what `1h` is."""
    return one == other or _meaning(field, one) == _meaning(field, other)


def _meaning(field: FieldInfo, text: str) -> Any:
    # Annotated wants at least one annotation; pydantic passes over one that it does not know.
    form: Any = Annotated[field.annotation, "of a setting", *field.metadata]
    adapter: TypeAdapter[Any] = TypeAdapter(form)
    try:
        return adapter.validate_python(text)
    except ValidationError:
        return text
