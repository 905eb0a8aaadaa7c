from __future__ import annotations

import json

import pytest

from mayfly_runtime.redaction import MASK, redact


@pytest.mark.parametrize(
    "text",
    [
        "GET /b/k?X-Amz-Signature=SECRET&X-Amz-Date=1",
        "X-Amz-Security-Token=SECRET",
        "?X-Amz-Credential=SECRET%2F20251208",
        "?AWSAccessKeyId=SECRET&Signature=SECRET",
        "http://127.0.0.1:50080/a/b.wav?exp=1&sig=SECRET",
        "token=SECRET",
        "session_token: SECRET",
        '{"token": "SECRET"}',
        "{'Authorization': 'Bearer SECRET'}",
        "authorization: Bearer SECRET",
        "('authorization', 'bearer SECRET')",
        "Authorization: AWS4-HMAC-SHA256 Credential=SECRET/20251208, Signature=SECRET",
        "aws_secret_access_key = SECRET",
        "password=SECRET",
        "x-amz-signature%3DSECRET",
    ],
)
def test_secrets_are_masked(text: str) -> None:
    redacted = redact(text)

    assert "SECRET" not in redacted
    assert MASK in redacted


def test_the_rest_of_a_signed_url_stays_readable() -> None:
    assert redact("GET https://b.s3/k?X-Amz-Expires=60&X-Amz-Signature=abc&x=1 200") == (
        f"GET https://b.s3/k?X-Amz-Expires=60&X-Amz-Signature={MASK}&x=1 200"
    )


@pytest.mark.parametrize(
    "text",
    ["rpc method=/a.B/C code=OK", "signal SIGTERM", "design review", "3 tokens left", "assign=5"],
)
def test_harmless_texts_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


def test_json_stays_json() -> None:
    text = json.dumps({"url": 'http://h/?sig=abc"quoted', "token": "abc"})

    assert json.loads(redact(text))["token"] == MASK
