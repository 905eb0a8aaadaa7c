"""What several suites of storage share.

Random tests try as many cases as a developer has patience for. All of them, for the nightly run:
`pytest services/storage/tests --hypothesis-profile=thorough --timeout=0`; `--hypothesis-seed=N` repeats a run.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USUAL_EXAMPLES = settings.get_profile("default").max_examples
THOROUGH = 50

settings.register_profile("thorough", max_examples=THOROUGH * USUAL_EXAMPLES)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("another store that speaks like S3")
    group.addoption("--s3-url", help="Run the contract's `aws` on it. Credentials: AWS_ACCESS_KEY_ID and so on.")
    group.addoption("--s3-region", default="us-east-1")
    group.addoption("--s3-provider", default="other", choices=["aws", "r2", "minio", "ceph", "other"])
    group.addoption("--s3-features", default="", help="What this one does besides, with commas: checksums, and so on.")


@pytest.fixture
def cases() -> Callable[[int], range]:
    """`cases(200)`: so many numbers, and fifty times as many in the thorough run."""
    scale = max(1, settings().max_examples // USUAL_EXAMPLES)
    return lambda usual: range(usual * scale)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Randomness, whose seed a failure shows."""
    given = request.config.getoption("--hypothesis-seed")
    seed = int(given) if given not in {None, "random"} else random.SystemRandom().getrandbits(32)
    print(f"--hypothesis-seed={seed}")  # noqa: T201 - pytest shows it where a test fails
    return random.Random(seed)  # noqa: S311 - it chooses cases


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    """An AWS emulator over real HTTP; every test makes a bucket and a table of its own."""
    from mayfly_storage.backends.aws.testing import aws_emulator  # noqa: PLC0415 - boto3 and moto are slow to load

    with aws_emulator() as url:
        yield url
