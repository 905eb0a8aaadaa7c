"""Redaction: what must not leave the process in a log line.

Signed URLs carry their own password, and libraries like to log URLs. The names below are the ones that
S3-compatible stores, CDNs and our own links use; values are replaced, names stay, so that a line is still readable.
"""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "[redacted]"

_NAMES: Final = "X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|AWSAccessKeyId|Signature|sig|token"
# `name=value` in queries and key=value texts, `"name": "value"` in JSON and Python literals, `name: value` in headers.
_PAIR: Final = re.compile(
    rf"""(?ix)
    (?<![\w-])(?P<name>{_NAMES})
    (?P<equals>["']?\s*(?:=|%3D|:)\s*b?["']?)
    (?P<value>[^\s"'&;,<>]+)
    """
)
_BEARER: Final = re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]+")
_AUTHORIZATION: Final = re.compile(r"""(?i)\b(authorization["']?\s*[=:,]\s*b?["']?)(?!bearer\b)[^\s"',][^"',\n]*""")
_HINT: Final = re.compile(r"(?i)sig|token|credential|accesskey|bearer|authorization")


def redact(text: str) -> str:
    """Mask signatures, tokens and credentials in a text."""
    # Most lines have nothing to hide; one cheap search keeps them cheap.
    if _HINT.search(text) is None:
        return text
    text = _PAIR.sub(rf"\g<name>\g<equals>{MASK}", text)
    text = _BEARER.sub(rf"\g<1>{MASK}", text)
    return _AUTHORIZATION.sub(rf"\g<1>{MASK}", text)
