"""Types of storage's settings: what a text must look like, and what is said if it does not."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, SecretStr

from mayfly_runtime.addresses import InvalidAddressError, ListenAddress
from mayfly_runtime.settings import Duration
from mayfly_storage.backends.aws.features import MANAGED
from mayfly_storage.collections_file import read_collections

_SECRET_BYTES = 32


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < _SECRET_BYTES:
        raise ValueError(f"must have at least {_SECRET_BYTES} bytes; `openssl rand -hex 32` makes one")
    return secret


def _address(text: str) -> str:
    try:
        ListenAddress.parse(text)
    except InvalidAddressError as error:
        raise ValueError(str(error)) from None
    return text


def _http_url(text: str) -> str:
    if not text.startswith(("http://", "https://")) or "?" in text or "#" in text:
        raise ValueError("expected a URL such as https://audio.example.com, without query and fragment")
    return text.rstrip("/")


def _backend(value: Any) -> Any:
    """`USE_S3_STORAGE=true` meant what `aws` means."""
    text = str(value).strip().lower()
    return {"true": "aws", "1": "aws", "yes": "aws", "false": "embedded", "0": "embedded", "no": "embedded"}.get(
        text, value
    )


def _text_policy(value: Any) -> Any:
    """`yes` and `0` meant what `true` and `false` mean."""
    text = str(value).strip().lower()
    return {"1": "true", "yes": "true", "on": "true", "0": "false", "no": "false", "off": "false"}.get(text, text)


def _folder(text: str) -> str:
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", text, re.ASCII) or ".." in text:
        raise ValueError("expected the name of a folder, such as temp-audio")
    return text.rstrip("/")


def _origins(text: str) -> str:
    for origin in listed(text):
        if origin != "*" and not re.fullmatch(r"https?://[\w.*-]+(:\d+)?", origin, re.ASCII):
            raise ValueError(f"expected origins such as https://app.example.com, not {origin!r}")
    return text


def _arns(text: str) -> str:
    for arn in listed(text):
        if not re.fullmatch(r"arn:aws[\w-]*:(iam|sts)::\d{12}:[\w+=,.@/*-]+", arn, re.ASCII):
            raise ValueError(f"expected ARNs such as arn:aws:iam::123456789012:role/storage, not {arn!r}")
    return text


def _distribution(text: str) -> str:
    if text and not re.fullmatch(r"arn:aws[\w-]*:cloudfront::\d{12}:distribution/\w+", text, re.ASCII):
        raise ValueError(f"expected arn:aws:cloudfront::123456789012:distribution/EDFDVBD6EXAMPLE, not {text!r}")
    return text


def _groups(text: str) -> str:
    for name in listed(text):
        if name not in MANAGED:
            raise ValueError(f"expected some of: {', '.join(MANAGED)}; not {name!r}")
    return text


def listed(text: str) -> tuple[str, ...]:
    """The parts of a setting that has commas between them."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _usable_collections(path: Path) -> Path:
    read_collections(path)
    return path


def _some_time(period: timedelta) -> timedelta:
    if period <= timedelta(0):
        raise ValueError("expected more than 0")
    return period


def _no_less_than_nothing(period: timedelta) -> timedelta:
    if period < timedelta(0):
        raise ValueError("expected 0s or more")
    return period


def _seconds(value: Any) -> Any:
    """`S3_PRESIGNED_URL_EXPIRY=3600` had no unit."""
    return f"{value}s" if isinstance(value, str) and value.strip().isdigit() else value


def _minutes(value: Any) -> Any:
    """`AUDIO_CLEANUP_DELAY_MINUTES=60` had no unit."""
    return f"{value}m" if isinstance(value, str) and value.strip().isdigit() else value


Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
Address = Annotated[str, AfterValidator(_address)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Period = Annotated[Duration, AfterValidator(_some_time)]
OptionalPeriod = Annotated[Duration, AfterValidator(_no_less_than_nothing)]
BackendName = BeforeValidator(_backend)
TextPolicyName = BeforeValidator(_text_policy)
Folder = Annotated[str, AfterValidator(_folder)]
CollectionsFile = Annotated[Path, AfterValidator(_usable_collections)]
UnitlessPeriod = Annotated[Period, BeforeValidator(_seconds)]
MinutesPeriod = Annotated[Period, BeforeValidator(_minutes)]
Origins = Annotated[str, AfterValidator(_origins)]
Arns = Annotated[str, AfterValidator(_arns)]
Distribution = Annotated[str, AfterValidator(_distribution)]
Unmanaged = Annotated[str, AfterValidator(_groups)]
