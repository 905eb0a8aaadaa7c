from __future__ import annotations

import pytest

from mayfly_storage.testing.stage import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()
