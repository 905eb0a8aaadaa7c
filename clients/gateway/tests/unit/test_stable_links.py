from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mayfly_gateway.stable_links import StableLinks

NAME = "audio/2026-11-21/f47ac10b-58cc-4372-a567-0e02b2c3d479"
LINKS = StableLinks(["k" * 32])


def test_a_token_leads_back_to_its_audio_in_every_replica() -> None:
    assert StableLinks(["k" * 32]).name_of(LINKS.token_of(NAME)) == NAME


def test_a_token_says_nothing_about_its_audio() -> None:
    token = LINKS.token_of(NAME)
    neighbour = LINKS.token_of(NAME[:-1] + "8")

    assert not {"2026", "f47ac10b", "audio"} & {token[at : at + n] for n in (4, 5, 8) for at in range(len(token))}
    # Not even that two audios are of one day: next to nothing stands at the same place in both.
    assert sum(one == other for one, other in zip(token, neighbour, strict=True)) < len(token) / 4


@given(st.text(max_size=200))
def test_made_up_tokens_open_nothing(token: str) -> None:
    assert LINKS.name_of(token) is None


@pytest.mark.parametrize("place", range(0, 90, 7))
def test_a_token_with_one_wrong_letter_opens_nothing(place: int) -> None:
    token = LINKS.token_of(NAME)
    wrong = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]

    assert LINKS.name_of(wrong) is None


def test_tokens_of_an_older_secret_are_opened_while_it_is_still_named() -> None:
    old, new = "o" * 32, "n" * 32
    token = StableLinks([old]).token_of(NAME)

    assert StableLinks([new, old]).name_of(token) == NAME
    assert StableLinks([new, old]).token_of(NAME) == StableLinks([new]).token_of(NAME)
    assert StableLinks([new]).name_of(token) is None


def test_there_is_one_way_to_write_a_token() -> None:
    token = LINKS.token_of(NAME)

    assert [LINKS.name_of(other) for other in (token + "=", token + "\n", " " + token, token + "A")] == [None] * 4
