"""Whatever the OpenAPI document allows, and much that it does not: no door fails.

`MAYFLY_FUZZ_EXAMPLES=400` makes it 10,000 requests and more.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance

from mayfly_client import AsyncClient
from mayfly_gateway.api import create_api
from mayfly_gateway.config import GatewaySettings

TOKEN = "token-of-the-fuzzers"
EXAMPLES = int(os.environ.get("MAYFLY_FUZZ_EXAMPLES", "12"))  # noqa: TID251 - how long to look is the caller's choice


def operations() -> list[Any]:
    """Every operation of the document that the gateway serves, used rightly, and wrongly where that can be."""
    document = create_api(GatewaySettings.load(secret="s" * 32), AsyncClient()).openapi()
    schema = schemathesis.openapi.from_dict(document)
    found = [each.ok() for each in schema.get_all_operations()]
    return [
        pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
        for operation in found
        for mode in GenerationMode
        if mode is GenerationMode.POSITIVE or operation.body or list(operation.iter_parameters())
    ]


@pytest.mark.parametrize(("operation", "mode"), operations())
def test_no_request_is_answered_with_a_fault(
    gateway: str, live_token: str, operation: Any, mode: GenerationMode
) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and "token" in case.path_parameters:
            case.path_parameters["token"] = live_token
        answer = case.call(base_url=gateway, headers={"Authorization": f"Bearer {TOKEN}"})

        assert answer.status_code < 500, answer.content[:500]
        if answer.status_code >= 400:
            assert answer.json()["error"]["message"]
        case.validate_response(answer, checks=[response_schema_conformance])

    ask()
