from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mayfly_client.certificates import (
    Certificate,
    CertificateFileError,
    ReceiptSearch,
    find_receipt,
    read_file,
    verify,
    write_line,
)

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def certificate(sequence: int, previous: str, **facts: object) -> Certificate:
    body = json.dumps({"previous_sha256": previous, "note": "grüße \u2028", **facts}, ensure_ascii=False).encode()
    digest = hashlib.sha256(body).hexdigest()
    return Certificate(sequence=sequence, body=body, sha256=digest, previous_sha256=previous, create_time=NOW)


@pytest.fixture
def chain() -> list[Certificate]:
    made: list[Certificate] = []
    for number in range(1, 6):
        previous = made[-1].sha256 if made else ""
        entry = {"name": f"audio/2026-01-01/{number}", "outcome": "DELETED", "verified": True, "reason": "EXPIRED"}
        made.append(certificate(number, previous, results=[entry]))
    return made


def test_a_whole_chain_holds(chain: list[Certificate]) -> None:
    report = verify(chain)
    assert (report.checked, report.first, report.last, report.problems) == (5, 1, 5, ())
    assert report.head_sha256 == chain[-1].sha256


def test_a_chain_whose_beginning_was_forgotten_holds(chain: list[Certificate]) -> None:
    report = verify(chain[2:])
    assert (report.first, report.problems) == (3, ())


def test_no_chain_is_no_proof() -> None:
    assert verify([]).checked == 0


def test_every_changed_byte_is_found(chain: list[Certificate]) -> None:
    body = chain[2].body
    for place in range(len(body)):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        report = verify([*chain[:2], replace(chain[2], body=changed), *chain[3:]])
        assert "Certificate 3 was changed: its text does not have its hash." in report.problems


def test_a_text_that_was_changed_with_its_hash_is_found_by_the_next(chain: list[Certificate]) -> None:
    forged = certificate(3, chain[1].sha256, results=[])

    report = verify([*chain[:2], forged, *chain[3:]])

    assert report.problems == ("Certificate 4 does not follow certificate 3: it names another one.",)


def test_one_that_was_left_out_is_missed(chain: list[Certificate]) -> None:
    report = verify([*chain[:2], *chain[3:]])
    assert report.problems == ("After certificate 2 comes 4: what is between is missing.",)


def test_one_that_was_slipped_in_is_found(chain: list[Certificate]) -> None:
    report = verify([*chain[:3], certificate(3, chain[2].sha256), *chain[3:]])
    assert report.problems


def test_a_chain_that_was_made_anew_does_not_have_the_head_that_was_known(chain: list[Certificate]) -> None:
    anew = [certificate(1, "", results=[])]
    anew += [certificate(2, anew[0].sha256, results=[])]

    assert verify(anew).problems == ()
    assert verify(chain, head=chain[3].sha256).problems == ()
    [problem] = verify(anew, head=chain[3].sha256).problems
    assert chain[3].sha256 in problem


def test_a_body_that_is_no_certificate_is_a_problem_and_no_crash() -> None:
    for body in (b"", b"[]", b"\xff", b"{}"):
        digest = hashlib.sha256(body).hexdigest()
        one = Certificate(sequence=1, body=body, sha256=digest, previous_sha256="", create_time=NOW)
        assert verify([one]).problems


def test_a_file_holds_them_byte_by_byte(chain: list[Certificate], tmp_path: Path) -> None:
    path = tmp_path / "certificates.jsonl"
    path.write_text("".join(f"{write_line(one)}\n" for one in chain), encoding="utf-8")

    assert list(read_file(path)) == [replace(one, create_time=None) for one in chain]


def test_every_changed_byte_of_a_file_is_found(chain: list[Certificate], tmp_path: Path) -> None:
    path = tmp_path / "certificates.jsonl"
    whole = "".join(f"{write_line(one)}\n" for one in chain).encode()
    for place in range(len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with suppress(CertificateFileError):
            assert verify(read_file(path)).problems, whole[max(0, place - 20) : place + 20]


def test_a_file_of_something_else_is_told_by_its_line(chain: list[Certificate], tmp_path: Path) -> None:
    path = tmp_path / "certificates.jsonl"
    nested = b"[" * 100_000
    numbered = [write_line(chain[1]).replace(': 2, "sha', f': {number}, "sha').encode() for number in ("-2", "2.0")]
    for other in (b"hello", b"[]", b'{"sequence": 1}', b'"x"', b"\xff\xfe", nested, *numbered):
        path.write_bytes(write_line(chain[0]).encode() + b"\n" + other + b"\n")
        with pytest.raises(CertificateFileError, match="has no certificate in line 2"):
            list(read_file(path))


def test_a_receipt_is_what_a_certificate_says_of_an_audio(chain: list[Certificate]) -> None:
    found = find_receipt(reversed(chain), "audio/2026-01-01/2")

    assert found is not None
    assert (found.certificate, found.outcome, found.verified, found.reason) == (chain[1], "DELETED", True, "EXPIRED")
    assert find_receipt(chain, "audio/2026-01-01/none") is None


def test_what_could_not_be_deleted_has_no_receipt() -> None:
    failed = certificate(1, "", results=[{"name": "audio/2026-01-01/1", "outcome": "FAILED"}])
    assert find_receipt([failed], "audio/2026-01-01/1") is None


def test_a_search_reads_no_certificate_twice(chain: list[Certificate]) -> None:
    search = ReceiptSearch(["audio/2026-01-01/2", "audio/2026-01-01/6"])
    read = [one.sequence for one in reversed(chain) if search.read(one)]
    again = [one.sequence for one in reversed(chain) if search.read(one)]

    assert (read, again) == ([5, 4, 3, 2, 1], [])
    assert (list(search.found), search.missing) == (["audio/2026-01-01/2"], ("audio/2026-01-01/6",))


def test_a_search_ends_when_nothing_is_missing(chain: list[Certificate]) -> None:
    search = ReceiptSearch(["audio/2026-01-01/4", "audio/2026-01-01/5"])

    assert [search.read(one) for one in reversed(chain)] == [True, False, False, False, False]
    assert {name: one.certificate.sequence for name, one in search.found.items()} == {
        "audio/2026-01-01/5": 5,
        "audio/2026-01-01/4": 4,
    }


def test_a_search_for_nothing_needs_no_certificate(chain: list[Certificate]) -> None:
    assert not ReceiptSearch([]).read(chain[0])
