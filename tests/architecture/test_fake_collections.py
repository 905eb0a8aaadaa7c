"""FakeMayfly keeps the collections that storage ships with: what a caller's tests may store, storage takes, too."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from importlib import resources

from mayfly_client._fake import kinds
from mayfly_storage.domain.content_types import EXTENSIONS

SHIPPED = tomllib.loads(resources.files("mayfly_storage").joinpath("collections.toml").read_text(encoding="utf-8"))


def test_the_fakes_collections_are_those_that_ship() -> None:
    known = {
        kind.id: (
            list(kind.templates),
            kind.lifetime and kind.lifetime / timedelta(seconds=1),
            kind.url_lifetime / timedelta(seconds=1),
            kinds.MAX_SIZE_BYTES,
            set(kind.content_types),
        )
        for kind in kinds.KINDS.values()
    }

    assert known == {
        name: (
            row["keys"],
            row.get("lifetime_seconds"),
            row["url_lifetime_seconds"],
            row["max_size_bytes"],
            set(row["content_types"]),
        )
        for name, row in SHIPPED.items()
    }


def test_their_files_end_alike() -> None:
    assert kinds.SUFFIXES == EXTENSIONS
