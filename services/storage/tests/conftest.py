"""What several suites of storage share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    """An AWS emulator over real HTTP; every test makes a bucket and a table of its own."""
    from mayfly_storage.backends.aws.testing import aws_emulator  # noqa: PLC0415 - boto3 and moto are slow to load

    with aws_emulator() as url:
        yield url
