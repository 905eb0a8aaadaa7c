"""What the source of an upload says about itself."""

from __future__ import annotations

from pathlib import Path

from mayfly_client._argument_error import ArgumentError
from mayfly_client._formats import content_type_of_file


def content_type_for(source: object, given: str | None) -> str:
    """The given content type, or that of the file's suffix; ArgumentError where there is no file to look at."""
    if given is not None:
        return given
    if isinstance(source, Path):
        return content_type_of_file(source)
    problem = "only a file's name tells its content type by itself"
    raise ArgumentError(problem, argument="content_type", wanted=", e.g. 'audio/wav'")
