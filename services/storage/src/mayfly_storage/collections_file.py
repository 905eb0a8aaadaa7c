"""The collections file: TOML with one table per kind of audio; one ships in the package."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING

from mayfly_storage.domain.collections import Collection, Collections
from mayfly_storage.domain.keys import KeyTemplate

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

_TEMP_AUDIO = "temp-audio"
_TEMPORARY = "processing"


def read_collections(path: Path | None = None) -> Collections:
    """Read a file, or the one in the package.

    Raises:
        ValueError: With every problem of the file.
    """
    source = resources.files("mayfly_storage").joinpath("collections.toml") if path is None else path
    try:
        return Collections.from_table(tomllib.loads(source.read_text(encoding="utf-8")))
    except OSError as error:
        raise ValueError(f"the collections file {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"the collections file {path} cannot be used: {error}") from error


def adapted(collections: Collections, *, temp_audio_prefix: str, url_lifetime: timedelta | None) -> Collections:
    """The collections with what older variables say of them."""
    by_id = dict(collections.by_id)
    if temp_audio_prefix != _TEMP_AUDIO and _TEMP_AUDIO in by_id:
        by_id[_TEMP_AUDIO] = _moved(by_id[_TEMP_AUDIO], temp_audio_prefix)
    if url_lifetime is not None:
        by_id = {each.id: replace(each, url_lifetime=url_lifetime) for each in by_id.values()}
    return Collections(by_id)


def kept(collections: Collections, *, cleanup: bool, delay: timedelta | None) -> Collections:
    """The collections with what is said of temporary results: how long they live, and whether they end at all.

    Rows have their own end from when they were made, so audio that is there already keeps it.

    Raises:
        ValueError: Something is said, and there is no collection for temporary results.
    """
    if cleanup and delay is None:
        return collections
    if _TEMPORARY not in collections.by_id:
        raise ValueError(f"cleanup_temp_files and cleanup_delay are about the collection {_TEMPORARY!r}: there is none")
    temporary = collections.by_id[_TEMPORARY]
    lifetime = (delay or temporary.lifetime) if cleanup else None
    return Collections({**collections.by_id, _TEMPORARY: replace(temporary, lifetime=lifetime)})


def _moved(collection: Collection, prefix: str) -> Collection:
    templates = (template.text.removeprefix(f"{_TEMP_AUDIO}/") for template in collection.key_templates)
    return replace(collection, key_templates=tuple(KeyTemplate(f"{prefix}/{text}") for text in templates))
