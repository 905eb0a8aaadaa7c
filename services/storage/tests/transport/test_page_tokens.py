from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mayfly.storage.v1 import retention_service_pb2 as retention_pb
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_storage.domain.errors import PageTokenInvalidError
from mayfly_storage.transport import page_tokens

REQUEST = pb.ListAudioRequest(collection="temp-audio", page_size=10)
TOKEN = page_tokens.make(REQUEST, "cursor")


def followed_by(token: str, **changes: object) -> pb.ListAudioRequest:
    facts: dict[str, object] = {"collection": "temp-audio", "page_size": 10, "page_token": token}
    return pb.ListAudioRequest(**(facts | changes))


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_cursor_comes_back_as_it_was(cursor: str) -> None:
    assert page_tokens.read(followed_by(page_tokens.make(REQUEST, cursor))) == cursor


def test_the_first_page_needs_no_token_and_the_last_one_gives_none() -> None:
    assert page_tokens.read(REQUEST) == ""
    assert page_tokens.make(REQUEST, "") == ""


def test_the_size_of_the_page_may_change() -> None:
    assert page_tokens.read(followed_by(TOKEN, page_size=99)) == "cursor"


@pytest.mark.parametrize(
    "changes", [{"collection": "debug"}, {"date": "2026-01-15"}, {"session_id": "s"}, {"subject": {"user_id": "u"}}]
)
def test_other_filters_are_noticed(changes: dict[str, object]) -> None:
    with pytest.raises(PageTokenInvalidError):
        page_tokens.read(followed_by(TOKEN, **changes))


def test_another_method_is_noticed() -> None:
    token = page_tokens.make(pb.ListAudioRequest(), "cursor")

    for other in (retention_pb.ListExpiredRequest(page_token=token), retention_pb.ListOrphansRequest(page_token=token)):
        with pytest.raises(PageTokenInvalidError):
            page_tokens.read(other)


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "!!!!",
        "ü",
        TOKEN[:-3],
        TOKEN[:11],
        TOKEN + "AA" * 3 + "_",
        TOKEN.replace(TOKEN[0], "A" if TOKEN[0] != "A" else "B", 1),
        base64.urlsafe_b64encode(base64.urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4))[:8]).decode(),
        base64.urlsafe_b64encode(b"x" * 8 + b"cursor").decode(),
        base64.urlsafe_b64encode(b"x" * 8 + b"\xff\xff").decode(),
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(PageTokenInvalidError):
        page_tokens.read(followed_by(token))
