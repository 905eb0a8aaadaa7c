from __future__ import annotations

import pytest

from mayfly_gateway.callers import ApiCallers

ANNE, BOB = "a" * 16, "b" * 20


def test_a_token_says_whose_it_is() -> None:
    callers = ApiCallers.parse(f"anne={ANNE}\nbob={BOB},")

    assert [callers.name_of(token) for token in (ANNE, BOB)] == ["anne", "bob"]
    assert [callers.name_of(token) for token in (None, "", "a" * 15, ANNE + "a", "ä")] == [None] * 5


def test_nobody_or_everybody_where_there_are_no_tokens() -> None:
    assert ApiCallers().name_of(ANNE) is None
    assert ApiCallers(open_to_all=True).name_of(None) == "anonymous"


@pytest.mark.parametrize("text", ["", " , ", "anne", f"an ne={ANNE}", "anne=short", f"={ANNE}"])
def test_what_is_no_list_of_callers_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match="caller") as caught:
        ApiCallers.parse(text)

    assert "short" not in str(caught.value)
    assert ANNE not in str(caught.value)
