"""The application of the tests of the HTTP server."""

from __future__ import annotations

import pytest

from libs.runtime.tests.transport.http_talk import App


@pytest.fixture
def app() -> App:
    return App()
