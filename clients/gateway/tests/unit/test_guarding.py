from __future__ import annotations

from mayfly_client import AsyncClient
from mayfly_gateway.api import create_api
from mayfly_gateway.config import GatewaySettings
from mayfly_gateway.guarding import UPLOADS


def test_every_door_that_takes_a_file_may_take_a_large_one() -> None:
    paths = create_api(GatewaySettings.load(secret="s" * 32), AsyncClient()).openapi()["paths"]
    forms = {
        path
        for path, methods in paths.items()
        for door in methods.values()
        if "multipart/form-data" in door.get("requestBody", {}).get("content", {})
    }

    assert forms == UPLOADS
