from __future__ import annotations

import inspect

import pytest
from mayfly.sweeper.v1 import error_reason_pb2

from mayfly_sweeper.domain import errors
from mayfly_sweeper.transport.errors import ERROR_TABLE

TREE = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.SweeperError)]
LEAVES = [cls for cls in TREE if not cls.__subclasses__()]


@pytest.mark.parametrize("error", LEAVES)
def test_every_error_has_its_form_on_the_wire(error: type[Exception]) -> None:
    assert error in ERROR_TABLE


@pytest.mark.parametrize("error", ERROR_TABLE)
def test_every_reason_is_in_the_contract(error: type[Exception]) -> None:
    assert f"ERROR_REASON_{ERROR_TABLE[error].reason}" in dict(error_reason_pb2.ErrorReason.items())
