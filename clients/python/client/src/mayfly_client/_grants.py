"""The PUTs that a grant asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mayfly_client._results_storage import UploadGrant

PARTS_AT_A_TIME: Final = 4
"""More fills the line of a fast network, and the memory of a slow one: 512 KiB each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutStep:
    """One PUT: of the whole body, or of a part of it."""

    method: str
    url: str
    headers: Mapping[str, str]
    offset_bytes: int = 0
    size_bytes: int | None = None
    """None: to the end of the body."""


def put_steps(grant: UploadGrant, size_bytes: int | None) -> tuple[PutStep, ...]:
    """One step, or one for each part.

    Args:
        grant: What storage granted.
        size_bytes: Size of the body; None if it is not known.
    """
    if not grant.parts:
        headers = _with_length(grant.headers, size_bytes)
        return (PutStep(method=grant.method, url=grant.url, headers=headers),)
    return tuple(
        PutStep(
            method=grant.method,
            url=part.url,
            headers=_with_length(part.headers, part.size_bytes),
            offset_bytes=part.offset_bytes,
            size_bytes=part.size_bytes,
        )
        for part in grant.parts
    )


def part_etags(grant: UploadGrant, etags: list[str]) -> tuple[str, ...]:
    """What CommitUpload wants to hear: the ETags of parts, and nothing for a single PUT."""
    return tuple(etags) if grant.parts else ()


def _with_length(headers: Mapping[str, str], size_bytes: int | None) -> Mapping[str, str]:
    """The granted headers, and the length; without it HTTP would send chunked, which S3 refuses."""
    if size_bytes is None or any(name.lower() == "content-length" for name in headers):
        return headers
    return {**headers, "Content-Length": str(size_bytes)}
