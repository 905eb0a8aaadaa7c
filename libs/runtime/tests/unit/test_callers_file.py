from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.callers_file import CallersFileError, read_callers
from mayfly_runtime.identity import Caller, CallerRegistry, hash_token

if TYPE_CHECKING:
    from pathlib import Path

GOOD = f"""
[[callers]]
name = "sweeper"
token_sha256 = "{hash_token("s3cret")}"
methods = ["/mayfly.storage.v1.RetentionService/*"]

[[callers]]
name = "gateway"
spiffe_id = "spiffe://mayfly/gateway"
common_name = "gateway.mayfly"
methods = ["*"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "callers.toml"


def test_a_good_file_is_read(file: Path) -> None:
    file.write_text(GOOD)

    assert read_callers(file) == (
        Caller("sweeper", ("/mayfly.storage.v1.RetentionService/*",), token_sha256=hash_token("s3cret")),
        Caller("gateway", ("*",), spiffe_id="spiffe://mayfly/gateway", common_name="gateway.mayfly"),
    )
    assert not CallerRegistry.from_toml(file).is_loopback_only


def test_every_problem_is_told_at_once(file: Path) -> None:
    file.write_text("""
[[callers]]
name = ""
token_sha256 = "abc"
methods = ["StorageService/Get"]

[[callers]]
name = "b"
colour = "red"
methods = []

[[callers]]
name = "b"
spiffe_id = "spiffe://x"
methods = ["*"]

[[callers]]
name = "c"
spiffe_id = "spiffe://x"
methods = ["*", 7]
""")

    with pytest.raises(CallersFileError) as raised:
        read_callers(file)

    told = str(raised.value)
    for part in (
        str(file),
        "caller 1 (): name must be a text that is not empty",
        "caller 1 (): token_sha256 must be 64 lowercase hexadecimal digits",
        "caller 1 (): 'StorageService/Get' is no method",
        "caller 2 (b): unknown key 'colour'",
        "caller 2 (b): nothing proves its identity",
        "caller 2 (b): methods must be a list",
        "caller 4 (c): 7 is no method",
        "name: b appears more than once",
        "spiffe_id: spiffe://x appears more than once",
    ):
        assert part in told


def test_a_token_pasted_in_place_of_its_hash_is_not_repeated(file: Path) -> None:
    file.write_text('[[callers]]\nname = "a"\nmethods = ["*"]\ntoken_sha256 = "the-token-itself"\n')

    with pytest.raises(CallersFileError) as raised:
        read_callers(file)

    assert "the-token-itself" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", r"no \[\[callers\]\] table"),
        ("callers = 3", r"no \[\[callers\]\] table"),
        ("callers = [3]", "caller 1 is not a table"),
        ("[[callers", "Expected"),
        (b"\xff", "utf-8"),
    ],
)
def test_a_file_that_is_not_even_close_is_refused(file: Path, content: str | bytes, problem: str) -> None:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(CallersFileError, match=problem):
        read_callers(file)


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(CallersFileError, match=str(file)):
        read_callers(file)


def test_the_hash_of_a_token_is_not_shown_with_its_caller(file: Path) -> None:
    assert "5e88" not in repr(Caller("a", ("*",), token_sha256="5e88"))
