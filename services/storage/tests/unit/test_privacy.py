from __future__ import annotations

from datetime import timedelta

import pytest

from mayfly_storage.domain.privacy import AddressPolicy, Privacy, TextPolicy, hash_of
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import DAWN

SECRET = b"0123456789abcdef0123456789abcdef"
GUEST = Subject(guest_address="203.0.113.7")
USER = Subject(user_id="u1")


def test_a_text_is_kept_only_where_that_is_set() -> None:
    assert Privacy(secret=SECRET).text("hello") == ""
    assert Privacy(secret=SECRET, texts=TextPolicy.KEPT).text("hello") == "hello"


def test_a_hash_tells_equal_texts_and_nothing_else() -> None:
    privacy = Privacy(secret=SECRET, texts=TextPolicy.HASHED)
    other = Privacy(secret=b"another secret that is long enough", texts=TextPolicy.HASHED)

    kept = privacy.text("hello")

    assert kept == privacy.text("hello")
    assert len({kept, privacy.text("Hello"), other.text("hello")}) == 3
    assert "hello" not in kept
    assert privacy.text("") == ""


def test_a_hash_is_told_from_a_text() -> None:
    kept = Privacy(secret=SECRET, texts=TextPolicy.HASHED).text("hello")

    assert kept == f"hmac-sha256:{hash_of(kept)}"
    assert len(hash_of(kept)) == 32
    assert [hash_of(text) for text in ("", "hello", kept.upper(), f"{kept} ", hash_of(kept))] == [""] * 5


def test_a_user_is_the_owner_by_id() -> None:
    assert Privacy(secret=SECRET).owner(USER, DAWN) == "user:u1"


@pytest.mark.parametrize("subject", [None, Subject()])
def test_audio_of_nobody_has_no_owner_and_no_address(subject: Subject | None) -> None:
    privacy = Privacy(secret=SECRET)

    assert (privacy.owner(subject, DAWN), privacy.ip_address(subject, DAWN)) == ("", "")


def test_a_guest_is_recognised_within_a_day_and_not_after_it() -> None:
    privacy = Privacy(secret=SECRET)

    owner = privacy.owner(GUEST, DAWN)

    assert owner.startswith("guest:")
    assert "203" not in owner
    assert owner == privacy.owner(GUEST, DAWN + timedelta(hours=17))
    assert owner != privacy.owner(GUEST, DAWN + timedelta(hours=18))


def test_a_hash_needs_the_secret() -> None:
    other = Privacy(secret=b"another secret that is long enough")

    assert Privacy(secret=SECRET).owner(GUEST, DAWN) != other.owner(GUEST, DAWN)


@pytest.mark.parametrize(
    ("policy", "kept"), [(AddressPolicy.RAW, "203.0.113.7"), (AddressPolicy.NONE, "")], ids=["raw", "none"]
)
def test_the_policy_decides_what_is_kept_of_an_address(policy: AddressPolicy, kept: str) -> None:
    assert Privacy(secret=SECRET, addresses=policy).ip_address(GUEST, DAWN) == kept


def test_by_default_a_hash_of_the_address_is_kept() -> None:
    kept = Privacy(secret=SECRET).ip_address(GUEST, DAWN)

    assert len(kept) == 32


def test_a_user_has_no_address() -> None:
    assert Privacy(secret=SECRET, addresses=AddressPolicy.RAW).ip_address(USER, DAWN) == ""


def test_subjects_do_not_show_their_address() -> None:
    assert "203" not in repr(GUEST)
