from __future__ import annotations

import io
import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from mayfly_runtime import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger("mayfly.test")


@pytest.fixture(autouse=True)
def root_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = True


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def entry(stream: io.StringIO) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(stream.getvalue())
    return answer


def test_json_is_one_object_per_event_with_its_fields(stream: io.StringIO) -> None:
    logs.configure(format="json", stream=stream)

    log.info("audio_expired", extra={"audio": "audio/1", "elapsed_ms": 1.5, "nothing": None})

    told = entry(stream)
    assert told.pop("time").endswith("Z")
    assert told == {
        "level": "INFO",
        "logger": "mayfly.test",
        "event": "audio_expired",
        "audio": "audio/1",
        "elapsed_ms": 1.5,
    }


def test_the_console_shows_the_fields_after_the_event(stream: io.StringIO) -> None:
    logs.configure(stream=stream)

    log.warning("audio expired", extra={"audio": "audio/1", "because": "its time came"})

    assert stream.getvalue().endswith(" WARNING mayfly.test audio expired audio=audio/1 because='its time came'\n")


def test_a_value_cannot_fake_a_second_line(stream: io.StringIO) -> None:
    logs.configure(stream=stream)

    log.info("event %s", "b\nsecond", extra={"audio": "a\n00:00:00.000 INFO    mayfly.access rpc code=OK"})

    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("form", ["console", "json"])
def test_every_line_carries_the_trace_id(form: Any, stream: io.StringIO) -> None:
    logs.configure(format=form, stream=stream)
    context = trace.SpanContext(trace_id=0xABC, span_id=1, is_remote=True)

    with trace.use_span(trace.NonRecordingSpan(context)):
        log.info("event")

    assert f"{0xABC:032x}" in stream.getvalue()


@pytest.mark.parametrize("form", ["console", "json"])
def test_secrets_are_masked_wherever_they_stand(form: Any, stream: io.StringIO) -> None:
    logs.configure(format=form, stream=stream)

    try:
        int("GET /?X-Amz-Signature=SECRET")
    except ValueError:
        log.exception("GET %s", "/?sig=SECRET", extra={"url": "/?token=SECRET", "count": 3})

    assert "SECRET" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_a_masked_json_line_is_json(stream: io.StringIO) -> None:
    logs.configure(format="json", stream=stream)

    log.info('say "sig=SECRET"', extra={"count": 3})

    assert entry(stream)["event"] == 'say "sig=[redacted]"'
    assert entry(stream)["count"] == 3


def test_a_traceback_field_is_shown_as_a_traceback(stream: io.StringIO) -> None:
    logs.configure(stream=stream)

    log.error("rpc_failed", extra={"traceback": "Traceback:\n  here"})

    assert stream.getvalue().endswith("mayfly.test rpc_failed\nTraceback:\n  here\n")


def test_a_stack_is_shown(stream: io.StringIO) -> None:
    logs.configure(format="json", stream=stream)

    log.info("event", stack_info=True)

    assert entry(stream)["traceback"].startswith("Stack")


def test_the_level_is_obeyed(stream: io.StringIO) -> None:
    logs.configure(level="WARNING", stream=stream)

    log.info("event")

    assert stream.getvalue() == ""


@pytest.mark.parametrize("name", ["botocore", "urllib3.connectionpool", "httpx"])
def test_libraries_that_print_signatures_are_kept_from_debug(name: str, stream: io.StringIO) -> None:
    logs.configure(level="DEBUG", stream=stream)

    assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)
    assert logging.getLogger(name).isEnabledFor(logging.INFO)
    assert log.isEnabledFor(logging.DEBUG)


def test_a_second_configuration_replaces_the_first(stream: io.StringIO) -> None:
    logs.configure(stream=io.StringIO())
    logs.configure(stream=stream)

    log.info("event")

    ours = [handler for handler in logging.getLogger().handlers if isinstance(handler.formatter, logs.EventFormatter)]
    assert len(ours) == 1
    assert stream.getvalue().count("event") == 1


def test_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()

    log.info("event")

    said = capsys.readouterr()
    assert "event" in said.err
    assert said.out == ""
    assert sys.stderr is not None
