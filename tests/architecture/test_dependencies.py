"""What is pinned, where a decision says what must be among it, and what must not."""

from __future__ import annotations

import re
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"


def pinned(path: Path) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", path.read_text().lower(), re.MULTILINE))


def test_storage_pins_boto3_with_its_botocore() -> None:
    assert {"boto3", "botocore"} <= pinned(REQUIREMENTS / "storage.txt")


def test_nobody_needs_s3fs() -> None:
    """System C asked for it; S3 is spoken to by boto3 alone, and by plain HTTP through links."""
    files = sorted(REQUIREMENTS.glob("*.txt"))

    assert files
    assert [path.name for path in files if pinned(path) & {"s3fs", "fsspec"}] == []
