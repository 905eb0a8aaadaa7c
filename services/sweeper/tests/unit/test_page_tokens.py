from __future__ import annotations

import pytest

from mayfly_sweeper.domain.errors import PageTokenInvalidError
from mayfly_sweeper.transport.page_tokens import PageTokens


def test_a_token_names_the_number_that_it_was_made_for() -> None:
    tokens = PageTokens(b"key")

    assert tokens.read(tokens.make(42)) == 42


@pytest.mark.parametrize("token", ["", "x", "not base64 at all", "AAAA", "ä", PageTokens(b"other key").make(42)])
def test_a_foreign_token_is_refused(token: str) -> None:
    with pytest.raises(PageTokenInvalidError):
        PageTokens(b"key").read(token)
