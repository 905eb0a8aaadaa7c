from __future__ import annotations

import logging

import httpx
import pytest

from mayfly_client import DeadlineError, LinkEndedError, PreconditionError, UnavailableError
from mayfly_client._links import Deadline, check_get, check_put, stall_of, unreachable

URL = "http://store:9000/key.wav?sig=deadbeef"


def answer(status: int, text: str = "") -> httpx.Response:
    return httpx.Response(status, text=text, request=httpx.Request("PUT", URL))


@pytest.mark.parametrize("status", [200, 201, 204, 412])
def test_a_put_that_is_done_or_was_done_before_is_good(status: int) -> None:
    check_put(answer(status))


@pytest.mark.parametrize("status", [401, 403, 404, 410])
@pytest.mark.parametrize("check", [check_put, check_get])
def test_a_link_that_has_ended_says_to_ask_for_a_new_one(check: object, status: int) -> None:
    with pytest.raises(LinkEndedError, match=f"HTTP {status}.*ask for a new one") as caught:
        check(answer(status))  # type: ignore[operator]

    assert caught.value.reason == "LINK_ENDED"
    assert caught.value.metadata == {"host": "store", "status": str(status)}
    assert "deadbeef" not in str(caught.value)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_store_that_is_unwell_may_be_asked_again(status: int) -> None:
    with pytest.raises(UnavailableError, match="http://store:9000 cannot serve"):
        check_get(answer(status))


@pytest.mark.parametrize("status", [400, 411, 413, 302])
def test_a_put_that_is_refused_is_not_sent_again(status: int) -> None:
    with pytest.raises(PreconditionError, match=f"refused the upload .HTTP {status}"):
        check_put(answer(status))


def test_of_s3s_refusal_only_its_code_is_told() -> None:
    body = "<Error><Code>BadDigest</Code><StringToSign>AWS4 deadbeef</StringToSign></Error>"

    with pytest.raises(PreconditionError, match="HTTP 400 BadDigest") as caught:
        check_put(answer(400, body))

    assert "deadbeef" not in str(caught.value)


def test_a_broken_transfer_may_be_tried_again_and_a_wrong_one_not() -> None:
    assert isinstance(unreachable(httpx.ReadError("reset"), URL), UnavailableError)
    assert isinstance(unreachable(httpx.ConnectTimeout(""), URL), UnavailableError)
    assert isinstance(unreachable(httpx.LocalProtocolError("too little data"), URL), PreconditionError)
    assert "deadbeef" not in str(unreachable(httpx.ReadError("reset"), URL))


def test_httpx_does_not_log_signatures(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="httpx"):
        logging.getLogger("httpx").info('HTTP Request: %s %s "%s"', "GET", httpx.URL(URL), "200 OK")

    assert "http://store:9000/key.wav?..." in caplog.text
    assert "deadbeef" not in caplog.text


def test_a_deadline_is_looked_at_between_chunks() -> None:
    times = iter([0.0, 1.0, 4.0])
    deadline = Deadline.start("download", 3.0, monotonic=lambda: next(times))

    pieces = deadline.watch([b"one", b"two"])

    assert next(pieces) == b"one"
    with pytest.raises(DeadlineError, match="download was not done within 3 s"):
        next(pieces)


@pytest.mark.parametrize(
    ("timeout", "size_bytes", "seconds"), [(100, 20_000, 5), (100, 10 * 1024**2, 15), (600, 1024**3, 30), (6, 1, 2)]
)
def test_a_store_that_hangs_gets_a_third_of_the_time_at_most(timeout: float, size_bytes: int, seconds: float) -> None:
    assert stall_of(timeout, size_bytes) == pytest.approx(seconds, abs=0.1)
