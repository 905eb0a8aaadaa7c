"""Links cannot be made, changed or moved to another request by anybody without the key."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from mayfly_storage.backends.embedded.link_keys import LinkKeys, LinkRefusedError, keys_from_file

if TYPE_CHECKING:
    import random
    from pathlib import Path

OLD, NEW = b"o" * 32, b"n" * 32
KEYS = LinkKeys((NEW, OLD))
PATH = "/audio/2026-01-15/f47ac10b-58cc-4372-a567-0e02b2c3d479"
QUERY = KEYS.sign("GET", PATH, {"exp": "1768500000", "att": "1"})


def changed(**changes: str | None) -> str:
    parameters = dict(pair.split("=") for pair in QUERY.split("&"))
    return "&".join(f"{key}={value}" for key, value in (parameters | changes).items() if value is not None)


def test_a_link_says_what_was_signed() -> None:
    assert KEYS.verify("GET", PATH, QUERY) == {"exp": "1768500000", "att": "1"}


def test_equal_wishes_give_equal_links() -> None:
    assert KEYS.sign("GET", PATH, {"att": "1", "exp": "1768500000"}) == QUERY


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", PATH),
        ("DELETE", PATH),
        ("get", PATH),
        ("GET", PATH[:-1] + "8"),
        ("GET", PATH + "/"),
        ("GET", PATH.replace("01-15", "01-16")),
        ("GET", PATH.replace("audio", "uploads")),
        ("GET", "/"),
    ],
)
def test_a_link_is_of_no_use_for_another_request(method: str, path: str) -> None:
    with pytest.raises(LinkRefusedError):
        KEYS.verify(method, path, QUERY)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "exp=1768500000",
        changed(exp="1768500001"),
        changed(exp="9999999999"),
        changed(exp=None),
        changed(att=None),
        changed(att="0"),
        changed(kid=None),
        changed(kid="00000000"),
        changed(kid=""),
        changed(sig=None),
        changed(sig=""),
        changed(sig="A" * 43),
        changed(sig=changed().split("sig=")[1][:-1]),
        QUERY + "&sig=",
        QUERY + "&extra=1",
        QUERY + "&exp=1768500000",
        QUERY.replace("&", ";"),
        QUERY.upper(),
        QUERY + "&=",
        "&".join(f"p{n}=1" for n in range(100)),
        "%",
    ],
)
def test_a_changed_link_is_refused(query: str) -> None:
    with pytest.raises(LinkRefusedError):
        KEYS.verify("GET", PATH, query)


@pytest.mark.parametrize("position", range(QUERY.index("sig=") + 4, len(QUERY)))
def test_no_character_of_a_signature_can_be_changed(position: int) -> None:
    other = "A" if QUERY[position] != "A" else "B"

    with pytest.raises(LinkRefusedError):
        KEYS.verify("GET", PATH, QUERY[:position] + other + QUERY[position + 1 :])


def test_parameters_cannot_flow_into_each_other() -> None:
    first = KEYS.sign("PUT", PATH, {"attempt": "a", "exp": "1\nexp=2"})
    forged = urlencode({"attempt": "a\nexp=1", "exp": "2"}) + first[first.index("&kid=") :]

    with pytest.raises(LinkRefusedError):
        KEYS.verify("PUT", PATH, forged)


def test_links_of_the_key_before_live_on_after_a_rotation() -> None:
    link = LinkKeys((OLD,)).sign("GET", PATH, {"exp": "1"})

    assert KEYS.verify("GET", PATH, link) == {"exp": "1"}


def test_links_of_a_removed_key_end() -> None:
    link = LinkKeys((OLD,)).sign("GET", PATH, {"exp": "1"})

    with pytest.raises(LinkRefusedError):
        LinkKeys((NEW,)).verify("GET", PATH, link)


def test_a_link_cannot_claim_another_key_than_the_one_that_signed_it() -> None:
    old_id = LinkKeys((OLD,)).sign("GET", PATH, {}).split("kid=")[1].split("&")[0]

    with pytest.raises(LinkRefusedError):
        KEYS.verify("GET", PATH, changed(kid=old_id))


@pytest.mark.parametrize("secrets", [(), (b"short",), (NEW, b"n" * 31)])
def test_weak_keys_are_refused(secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="at least"):
        LinkKeys(secrets)


def test_keys_do_not_show_when_they_are_printed() -> None:
    assert "n" * 8 not in repr(KEYS)


def test_a_key_is_made_once(tmp_path: Path) -> None:
    assert keys_from_file(tmp_path / "link.key") == keys_from_file(tmp_path / "link.key")
    assert keys_from_file(tmp_path / "link.key") != keys_from_file(tmp_path / "other.key")


def test_a_second_line_keeps_the_key_before(tmp_path: Path) -> None:
    path = tmp_path / "link.key"
    path.write_text(f"{NEW.hex()}\n{OLD.hex()}\n")

    assert keys_from_file(path) == KEYS


def test_of_ten_thousand_tampered_links_none_is_accepted(chance: random.Random) -> None:
    """Something in the path, the end, the key's id, the method or the signature is another; or the key was rotated."""
    rotated = LinkKeys((b"r" * 32,))
    accepted = []
    for _ in range(10_000):
        method, path, query = tampered(chance)
        if (method, path, query) == ("GET", PATH, QUERY):
            continue
        try:
            found = KEYS.verify(method, path, query)
        except LinkRefusedError:
            found = None
        # The same facts in another spelling are the same link: it allows no more.
        if found is not None and (method, path, found) != ("GET", PATH, KEYS.verify("GET", PATH, QUERY)):
            accepted.append((method, path, query))
        with pytest.raises(LinkRefusedError):
            rotated.verify("GET", PATH, query)

    assert accepted == []


def tampered(chance: random.Random) -> tuple[str, str, str]:
    place, text = chance.randrange(len(QUERY)), chance.choice("0123456789abcdefABC_-&=%+;")
    query = chance.choice(
        [
            QUERY[:place] + text + QUERY[place + 1 :],
            QUERY[:place] + QUERY[place + 1 :],
            QUERY + chance.choice(["&exp=9999999999", "&att=0", "&x=y", "&sig=" + text]),
            changed(exp=str(chance.randrange(2**40)), kid=chance.choice([None, text * 8])),
            QUERY,
        ]
    )
    path = chance.choice([PATH, PATH, PATH[:-1] + text, PATH.replace("f47ac10b", f"{chance.getrandbits(32):08x}")])
    return chance.choice(["GET", "GET", "PUT", "HEAD", "DELETE"]), path, query


def test_signatures_are_compared_in_constant_time() -> None:
    """Whoever measures how long a refusal takes learns nothing of the signature."""
    source = inspect.getsource(LinkKeys.verify)

    assert "hmac.compare_digest(" in source
    assert "signature ==" not in source
