"""Fields that the domain names, in the RPCs whose messages have them elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mayfly_synth.domain.errors import SynthError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def standing(field: str, *, at: str) -> Iterator[None]:
    """Have errors that blame a field, or one below it, blame what stands there in the request.

    Args:
        field: As the domain's errors name it.
        at: As the request has it.
    """
    try:
        yield
    except SynthError as error:
        if error.field == field or error.field.startswith(f"{field}."):
            error.field = at + error.field.removeprefix(field)
        raise
