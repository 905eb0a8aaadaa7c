"""The Lambda template: what it names exists, its settings are valid, and it gives no power over AWS."""

from __future__ import annotations

import importlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from mayfly_sweeper.config import SweeperSettings

TEMPLATE = Path(__file__).resolve().parents[2] / "deploy/lambda/template.yaml"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs/aws.md"


class CloudFormation(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref x` is read as `{"Ref": "x"}`."""


def _short(loader: yaml.SafeLoader, suffix: str, node: Any) -> dict[str, Any]:
    return {suffix: loader.construct_scalar(node)}


CloudFormation.add_multi_constructor("!", _short)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    told: dict[str, Any] = yaml.load(TEMPLATE.read_text(encoding="utf-8"), CloudFormation)  # noqa: S506 - a safe loader
    return told


@pytest.fixture(scope="module")
def function(template: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = template["Resources"]["Sweeper"]["Properties"]
    return properties


def test_its_handler_is_there(function: dict[str, Any]) -> None:
    module, _, name = function["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_its_settings_are_valid_and_end_the_sweep_before_lambda_does(function: dict[str, Any], tmp_path: Path) -> None:
    given = {name: value for name, value in function["Environment"]["Variables"].items() if isinstance(value, str)}
    fields = {name.removeprefix("MAYFLY_SWEEPER_").lower(): value for name, value in given.items()}
    settings = SweeperSettings.load(**fields, retention_target="dns:///storage:50052", max_delete_ratio="0.5")
    assert settings.time_budget < timedelta(seconds=function["Timeout"])
    assert settings.tls_to_storage() is not None


def test_everything_that_is_referred_to_exists(template: dict[str, Any]) -> None:
    known = set(template["Parameters"]) | set(template["Resources"])
    text = TEMPLATE.read_text(encoding="utf-8")
    assert set(re.findall(r"!Ref (\w+)", text)) | set(re.findall(r"\$\{(\w+)\}", text)) <= known


def test_it_sweeps_as_often_as_the_bound_of_thirty_minutes_needs_and_one_at_a_time(function: dict[str, Any]) -> None:
    [schedule] = function["Events"].values()
    minutes = int(re.fullmatch(r"rate\((\d+) minutes\)", schedule["Properties"]["ScheduleExpression"])[1])  # type: ignore[index]
    assert 3 * minutes <= 30
    assert function["ReservedConcurrentExecutions"] == 1


def test_it_has_no_right_over_the_store(template: dict[str, Any], function: dict[str, Any]) -> None:
    assert not {"Policies", "Role"} & set(function)
    assert not [
        each for each in template["Resources"].values() if each["Type"].startswith(("AWS::S3", "AWS::DynamoDB"))
    ]
    assert "AWS_" not in str(function["Environment"])


def test_the_document_says_how_it_is_deployed() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert "sam deploy" in text
    assert "deploy/lambda" in text
