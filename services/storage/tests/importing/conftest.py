"""A folder to import, beside a stage that takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.offload import Offload
from mayfly_storage.testing.importing import Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[Session]:
    pool = Offload(name="import", workers=2, queue=20)
    yield Session(tmp_path, pool)
    await pool.shutdown()
