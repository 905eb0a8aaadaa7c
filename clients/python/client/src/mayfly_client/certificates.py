"""Certificates of sweeps, and their verification, which needs no server.

    with Client() as client:
        report = verify(reversed(list(client.certificates())), head="9f86d0...")
    assert not report.problems

Each certificate is a JSON text that names the hash of the one before it. Who knows the hash of the newest one (from an
earlier look, or from somebody else) knows whether anything before it was changed, left out or slipped in.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

Document: TypeAlias = "dict[str, Any]"
_FACTS: Final = frozenset({"sequence", "sha256", "previous_sha256", "body"})


class CertificateFileError(ValueError):
    """A file of certificates that cannot be read."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}")
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The evidence of one sweep, or of a part of a large one."""

    sequence: int
    """Its number in the chain, from 1."""
    body: bytes
    """The JSON text, byte by byte: the hash is over exactly these."""
    sha256: str
    """As storage told it, in hex."""
    previous_sha256: str
    """Of the certificate before; empty for the first."""
    create_time: datetime | None = None
    """When storage took it; None if it comes from a file, since no hash is over this."""

    @property
    def document(self) -> Document:
        """What it says.

        Raises:
            ValueError: The body is no JSON object.
        """
        found = json.loads(self.body)
        if not isinstance(found, dict):
            raise ValueError("a certificate is a JSON object")  # noqa: TRY004 - the body's value is wrong
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What a verification found."""

    checked: int
    """How many certificates were looked at."""
    first: int
    """Number of the oldest; what was before it has been forgotten, or was not given. 0 if there is none."""
    last: int
    """Number of the newest."""
    head_sha256: str
    """Hash of the newest: keep it somewhere else, and give it to the next verification."""
    problems: tuple[str, ...]
    """Everything that is not as it should be: sentences for people. Empty if the chain holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a certificate says of one audio."""

    name: str
    reason: str
    """Why it went: `EXPIRED`, say, or `REQUESTED` for one that a caller had deleted."""
    outcome: str
    """`DELETED`, or `ALREADY_GONE`."""
    verified: bool
    """Whether the store itself said that it is gone."""
    certificate: Certificate


def verify(oldest_first: Iterable[Certificate], *, head: str = "") -> ChainReport:
    """Check a chain. Reads it once; keeps one certificate at a time.

    Args:
        oldest_first: The certificates, with rising numbers.
        head: A hash (hex) that must be among theirs, as somebody who is trusted told it before. Without it, a chain
            that was made anew from its beginning looks whole.
    """
    checked, first, problems, found_head = 0, 0, list[str](), False
    before: Certificate | None = None
    for one in oldest_first:
        checked, first = checked + 1, first or one.sequence
        problems += _problems(one, before)
        found_head |= one.sha256 == head
        before = one
    if head and not found_head:
        problems.append(f"No certificate has the hash {head}: the chain is not the one that it belongs to.")
    return ChainReport(
        checked=checked,
        first=first,
        last=before.sequence if before else 0,
        head_sha256=before.sha256 if before else "",
        problems=tuple(problems),
    )


class ReceiptSearch:
    """Looks for the receipts of some audio while sweeps go on, and reads no certificate twice."""

    def __init__(self, names: Iterable[str]) -> None:
        """Take names of audio; what was deleted by name is certified by the next sweep."""
        self._missing = dict.fromkeys(names)
        self._read: set[int] = set()
        self.found: dict[str, Receipt] = {}

    @property
    def missing(self) -> tuple[str, ...]:
        """The names that no certificate had so far."""
        return tuple(self._missing)

    def read(self, certificate: Certificate) -> bool:
        """Look into one, newest first. False: nothing is missing, or it was read before as all that are older."""
        if not self._missing or certificate.sequence in self._read:
            return False
        self._read.add(certificate.sequence)
        if any(name.encode() in certificate.body for name in self._missing):
            self._look(certificate)
        return bool(self._missing)

    def _look(self, certificate: Certificate) -> None:
        for entry in _results(certificate):
            name = entry.get("name")
            if name in self._missing and entry.get("outcome") in ("DELETED", "ALREADY_GONE"):
                self.found[name] = _receipt(entry, certificate)
                del self._missing[name]


def _results(certificate: Certificate) -> Iterable[Document]:
    try:
        found: Iterable[Document] = certificate.document.get("results", ())
    except ValueError:  # older releases took any text for a certificate, which is a receipt of nothing
        return ()
    return found


def find_receipt(certificates: Iterable[Certificate], name: str) -> Receipt | None:
    """What the first certificate that names an audio says of it; None if none does. Costs what is read until then."""
    search = ReceiptSearch([name])
    for one in certificates:
        if not search.read(one):
            break
    return search.found.get(name)


def _receipt(entry: Document, certificate: Certificate) -> Receipt:
    return Receipt(
        name=str(entry["name"]),
        reason=str(entry.get("reason", "")),
        outcome=str(entry["outcome"]),
        verified=bool(entry.get("verified")),
        certificate=certificate,
    )


def write_line(one: Certificate) -> str:
    """A certificate as one line of a file, with nothing that no hash is over; `read_file` reads it."""
    facts = {
        "sequence": one.sequence,
        "sha256": one.sha256,
        "previous_sha256": one.previous_sha256,
        # As text, so that people can read it; byte by byte the same, as it is UTF-8.
        "body": one.body.decode(),
    }
    return json.dumps(facts, ensure_ascii=False)


def read_file(path: Path) -> Iterator[Certificate]:
    """The certificates of a file that `write_line` wrote, in its order.

    Raises:
        CertificateFileError: A line is none of `write_line`'s.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield _of_line(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                raise CertificateFileError(path, f"has no certificate in line {number}") from None


def _of_line(facts: Document) -> Certificate:
    sequence = facts["sequence"]
    # What else a line says, no hash would be over.
    if type(sequence) is not int or sequence < 1 or facts.keys() != _FACTS:
        raise ValueError(sequence)
    return Certificate(
        sequence=sequence,
        body=facts["body"].encode(),
        sha256=str(facts["sha256"]),
        previous_sha256=str(facts["previous_sha256"]),
    )


def _problems(one: Certificate, before: Certificate | None) -> Iterator[str]:
    if hashlib.sha256(one.body).hexdigest() != one.sha256:
        yield f"Certificate {one.sequence} was changed: its text does not have its hash."
    if _named(one) != one.previous_sha256:
        yield f"Certificate {one.sequence} was changed: its text does not name the one before it."
    if (one.sequence == 1) != (one.previous_sha256 == ""):
        yield f"Certificate {one.sequence} was changed: the first of a chain, and no other, has none before it."
    if before is None:
        return
    if one.sequence != before.sequence + 1:
        yield f"After certificate {before.sequence} comes {one.sequence}: what is between is missing."
    elif one.previous_sha256 != before.sha256:
        yield f"Certificate {one.sequence} does not follow certificate {before.sequence}: it names another one."


def _named(one: Certificate) -> str | None:
    try:
        return str(one.document["previous_sha256"])
    except (ValueError, KeyError):
        return None
