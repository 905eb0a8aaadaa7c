from __future__ import annotations

import pytest

from mayfly_runtime.identity import Caller, acting_as, current_caller

GET = "/mayfly.storage.v1.StorageService/GetAudio"
PURGE = "/mayfly.storage.v1.RetentionService/PurgeAudio"


@pytest.mark.parametrize(
    ("methods", "may_get", "may_purge"),
    [
        (("*",), True, True),
        (("/mayfly.storage.v1.StorageService/*",), True, False),
        ((GET,), True, False),
        (("/mayfly.storage.v1.StorageService/List*", PURGE), False, True),
        (("/mayfly.storage.v1.StorageService/Get",), False, False),
    ],
)
def test_a_caller_may_call_what_its_entry_lists(methods: tuple[str, ...], may_get: bool, may_purge: bool) -> None:  # noqa: FBT001 - a table
    caller = Caller("x", methods)

    assert (caller.may_call(GET), caller.may_call(PURGE)) == (may_get, may_purge)


def test_there_is_no_caller_outside_of_an_rpc() -> None:
    with pytest.raises(LookupError, match="acting_as"):
        current_caller()


def test_a_job_acts_as_a_caller_for_a_while() -> None:
    with acting_as(Caller("job", ("*",))):
        assert current_caller().name == "job"

    with pytest.raises(LookupError):
        current_caller()
