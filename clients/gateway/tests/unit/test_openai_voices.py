from __future__ import annotations

import pytest

from mayfly_gateway.openai_voices import voice_for

MAPPED = {"nova": "en_GB-alba-medium", "house": "en_US-ryan-high"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nova", "en_GB-alba-medium"),
        ("house", "en_US-ryan-high"),
        ("alloy", None),
        ("Shimmer", None),
        ("en_US-lessac-medium", "en_US-lessac-medium"),
    ],
)
def test_a_name_is_mapped_or_the_default_or_a_voice_itself(name: str, expected: str | None) -> None:
    assert voice_for(name, MAPPED) == expected
