from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.config import StorageSettings
from mayfly_storage.testing.stage import Stage

if TYPE_CHECKING:
    from mayfly_storage.testing.parts import MemoryParts


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def parts(stage: Stage) -> MemoryParts:
    """The store of parts; what is larger than a MiB comes in them."""
    found: Any = stage.memory.backend.stores.first.parts
    found.single_put_bytes = 1024**2
    return found


@pytest.fixture
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of storage is given, under no name."""
    for reference in StorageSettings.reference():
        for variable in (reference.variable, *reference.aliases):
            monkeypatch.delenv(variable, raising=False)
