from __future__ import annotations

import re
from pathlib import Path

from mayfly_client import AsyncClient
from mayfly_gateway.api import create_api
from mayfly_gateway.config import GatewaySettings
from mayfly_runtime.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_has_the_settings_as_they_are() -> None:
    own = [
        one
        for one in GatewaySettings.reference()
        if one.variable.removeprefix("MAYFLY_GATEWAY_").lower() not in ServiceSettings.model_fields
    ]
    rows = [f"| `{one.variable}` | {f'`{one.default}`' if one.default else ''} | {one.meaning} |" for one in own]

    assert [row for row in rows if row not in README] == []
    assert README.count("| `MAYFLY_GATEWAY_") == len(rows)


def test_every_reason_of_the_gateways_own_stands_in_the_readme() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/mayfly_gateway").rglob("*.py"))
    reasons = set(re.findall(r'(?:reason=|\(\s*[45]\d\d,\s+)"([A-Z_]{5,})"', source))

    assert len(reasons) > 15
    assert {reason for reason in reasons if f"`{reason}`" not in README} == set()


def test_every_door_stands_in_the_readme() -> None:
    paths = create_api(GatewaySettings.load(secret="s" * 32), AsyncClient()).openapi()["paths"]
    unnamed = [
        path
        for path in paths
        if path not in README
        and not path.startswith(("/api/page/", "/speech/recordings", "/static/audio", "/v1/models/"))
        and path.rpartition("/")[2] not in README
    ]

    assert len(paths) > 25
    assert unnamed == []
