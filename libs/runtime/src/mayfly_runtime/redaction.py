"""Redaction: what must not leave the process in a log line.

Signed URLs carry their own password, and libraries like to log URLs. The names below are the ones that
S3-compatible stores, CDNs and our own links use; values are replaced, names stay, so that a line is still readable.
"""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "[redacted]"

_NAMES: Final = r"X-Amz-Signature|X-Amz-Credential|AWSAccessKeyId|Signature|sig|[\w-]*token|[\w-]*secret[\w-]*|password"
# `name=value` in queries and key=value texts, `"name": "value"` in JSON and Python literals, `name: value` in headers.
_PAIR: Final = re.compile(
    rf"""(?ix)
    (?<![\w-])(?P<name>{_NAMES})
    (?P<equals>["']?\s*(?:=|%3D|:)\s*b?["']?)
    (?P<value>[^\s"'&;,<>\\]+)
    """
)
_BEARER: Final = re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]+")
_AUTHORIZATION: Final = re.compile(r"""(?i)\b(authorization["']?\s*[=:,]\s*b?["']?)(?!bearer\b)[^\s"',\\][^"',\\\n]*""")


def may_need_redaction(text: str) -> bool:
    """Whether a text names anything that `redact` masks. Most lines do not, and this is cheap."""
    lower = text.lower()
    return (
        "sig" in lower
        or "token" in lower
        or "secret" in lower
        or "password" in lower
        or "amz-cred" in lower
        or "accesskey" in lower
        or "bearer" in lower
        or "authorization" in lower
    )


def redact(text: str) -> str:
    """Mask signatures, tokens and credentials in a text."""
    if not may_need_redaction(text):
        return text
    text = _PAIR.sub(rf"\g<name>\g<equals>{MASK}", text)
    text = _BEARER.sub(rf"\g<1>{MASK}", text)
    return _AUTHORIZATION.sub(rf"\g<1>{MASK}", text)
