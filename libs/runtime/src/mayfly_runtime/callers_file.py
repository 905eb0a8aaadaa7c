"""The callers file: TOML with one `[[callers]]` table per caller.

    [[callers]]
    name = "sweeper"
    token_sha256 = "<64 hexadecimal digits>"
    methods = ["/mayfly.storage.v1.RetentionService/*"]

`token_sha256`, `spiffe_id` and `common_name` each prove the identity; a caller needs at least one of them. Every
problem of the file is reported at once, because a file that is corrected one error at a time is no fun.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from mayfly_runtime.callers import Caller

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PROOFS: Final = ("token_sha256", "spiffe_id", "common_name")
_KEYS: Final = {"name", "methods", *_PROOFS}
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_METHOD: Final = re.compile(r"\*|/[\w.*]+/[\w*]+")


class CallersFileError(Exception):
    """A callers file that cannot be used."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"The callers file {path} cannot be used:{lines}")
        self.path = path
        self.problems = tuple(problems)


def read_callers(path: Path) -> tuple[Caller, ...]:
    """Read and check a callers file.

    Raises:
        CallersFileError: With every problem of the file.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CallersFileError(path, [str(error)]) from error
    entries = document.get("callers")
    if not isinstance(entries, list) or not entries:
        raise CallersFileError(path, ["it has no [[callers]] table; add one per caller"])
    problems = [problem for number, entry in enumerate(entries, 1) for problem in _problems(number, entry)]
    problems += _duplicates(entries)
    if problems:
        raise CallersFileError(path, problems)
    return tuple(_caller(entry) for entry in entries)


def _caller(entry: Mapping[str, Any]) -> Caller:
    proofs = {proof: entry.get(proof) for proof in _PROOFS}
    return Caller(entry["name"], tuple(entry["methods"]), **proofs)


def _problems(number: int, entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return [f"caller {number} is not a table"]
    label = f"caller {number} ({entry.get('name', 'without a name')})"
    found = [
        f"{label}: unknown key {key!r}; known are {', '.join(sorted(_KEYS))}" for key in sorted(entry.keys() - _KEYS)
    ]
    found += [
        f"{label}: {key} must be a text that is not empty"
        for key in ("name", *(proof for proof in _PROOFS if proof in entry))
        if not isinstance(entry.get(key), str) or not entry[key]
    ]
    if not entry.keys() & set(_PROOFS):
        found.append(f"{label}: nothing proves its identity; give one of {', '.join(_PROOFS)}")
    digest = entry.get("token_sha256")
    if isinstance(digest, str) and digest and not _SHA256.fullmatch(digest):
        # The value is not repeated: it may be the token itself, pasted by mistake.
        found.append(f"{label}: token_sha256 must be 64 lowercase hexadecimal digits, as `sha256sum` prints them")
    return found + _method_problems(label, entry.get("methods"))


def _method_problems(label: str, methods: Any) -> list[str]:
    if not isinstance(methods, list) or not methods:
        return [f'{label}: methods must be a list such as ["/mayfly.storage.v1.StorageService/*"]']
    return [
        f"{label}: {method!r} is no method; write /package.Service/Method, /package.Service/* or *"
        for method in methods
        if not isinstance(method, str) or not _METHOD.fullmatch(method)
    ]


def _duplicates(entries: list[Any]) -> list[str]:
    found = []
    for key in ("name", *_PROOFS):
        counts = Counter(entry[key] for entry in entries if isinstance(entry, dict) and isinstance(entry.get(key), str))
        shown = (value if key != "token_sha256" else "the same value" for value, count in counts.items() if count > 1)
        found += [f"{key}: {value} appears more than once" for value in shown]
    return found
