"""Logging: events with fields, on standard error, without secrets.

A log call names an event and passes values as `extra=`:

    log.info("audio_expired", extra={"audio": name, "elapsed_ms": 12})

The console format is for people, the JSON format for collectors. Every record passes `redact`, whoever wrote it, and
carries the trace id if there is one.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

from opentelemetry import trace

from mayfly_runtime.redaction import redact

# At DEBUG, botocore prints signatures and session tokens, and the others print URLs.
_PINNED: Final = ("botocore", "boto3", "urllib3", "s3transfer", "httpx", "httpcore", "hpack")
_RESERVED: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(
    *,
    level: str = "INFO",
    format: Literal["console", "json"] = "console",  # noqa: A002 - named like the setting
    stream: TextIO | None = None,
) -> None:
    """Set up logging for the process; a second call replaces the first.

    Args:
        level: The lowest level that is written: DEBUG, INFO, WARNING or ERROR.
        format: `console` or `json`.
        stream: Where to write; standard error by default, so that standard output stays for results.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else ConsoleFormatter())
    root = logging.getLogger()
    for previous in root.handlers[:]:
        if isinstance(previous.formatter, JsonFormatter | ConsoleFormatter):
            root.removeHandler(previous)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _PINNED:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelName(level)))


def trace_id() -> str | None:
    """The current trace id in hexadecimal digits, if there is a trace."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


class ConsoleFormatter(logging.Formatter):
    """`12:00:00.123 INFO  mayfly.access rpc method=... code=OK elapsed_ms=3`."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line, and a traceback below it if there is one."""
        time = _time(record).strftime("%H:%M:%S.%f")[:-3]
        fields = "".join(f" {key}={_plain(value)}" for key, value in _fields(record).items())
        line = f"{time} {record.levelname:<7} {record.name} {record.getMessage()}{fields}"
        return redact("\n".join((line, *_traceback(self, record))))


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, event, and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        entry: dict[str, Any] = {
            "time": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "event": redact(record.getMessage()),
        }
        for key, value in _fields(record).items():
            entry[key] = value if value is None or isinstance(value, int | float) else redact(str(value))
        for traceback in _traceback(self, record):
            entry["traceback"] = redact(traceback)
        return json.dumps(entry, ensure_ascii=False)


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = {key: value for key, value in vars(record).items() if key not in _RESERVED}
    if "trace_id" not in fields and (current := trace_id()) is not None:
        fields["trace_id"] = current
    return fields


def _plain(value: Any) -> str:
    text = str(value)
    return text if text and not any(char.isspace() for char in text) else repr(text)


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    parts = []
    if record.exc_info:
        parts.append(formatter.formatException(record.exc_info))
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return ["\n".join(parts)] if parts else []
