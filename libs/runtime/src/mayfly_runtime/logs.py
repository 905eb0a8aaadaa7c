"""Logging: events with fields, on standard error, without secrets.

A log call names an event and passes values as `extra=`:

    log.info("audio_expired", extra={"audio": name, "elapsed_ms": 12})

The console format is for people, the JSON format for collectors. Every record passes `redact`, whoever wrote it, and
carries the trace id if there is one. An extra field `traceback` is shown as a traceback is.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final, Literal, TextIO

from opentelemetry import trace

from mayfly_runtime.redaction import may_need_redaction, redact

# At DEBUG, botocore prints signatures and session tokens, and the others print URLs.
_PINNED: Final = ("botocore", "boto3", "urllib3", "s3transfer", "httpx", "httpcore", "hpack")
# A record's own attributes come first in its dictionary; what `extra=` added follows.
_OWN_ATTRIBUTES: Final = len(vars(logging.makeLogRecord({})))
_ADDED_BY_FORMATTERS: Final = frozenset({"message", "asctime", "traceback"})
_encode: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode


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
        if isinstance(previous.formatter, EventFormatter):
            root.removeHandler(previous)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _PINNED:
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    # What we do not show need not be found out for every record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def trace_id() -> str | None:
    """The current trace id in hexadecimal digits, if there is a trace."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


class EventFormatter(logging.Formatter):
    """What both formats have in common."""

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """What `extra=` added, without empty values, and the trace id."""
        added = islice(vars(record).items(), _OWN_ATTRIBUTES, None)
        fields = {key: value for key, value in added if value is not None and key not in _ADDED_BY_FORMATTERS}
        if (current := trace_id()) is not None:
            fields.setdefault("trace_id", current)
        return fields

    def traceback(self, record: logging.LogRecord) -> str:
        """The traceback and the stack, as far as the record has them."""
        parts = [str(getattr(record, "traceback", ""))]
        if record.exc_info:
            parts.append(self.formatException(record.exc_info))
        if record.stack_info:
            parts.append(self.formatStack(record.stack_info))
        return "\n".join(part for part in parts if part)


class ConsoleFormatter(EventFormatter):
    """`12:00:00.123 INFO    mayfly.access rpc method=... code=OK elapsed_ms=3`, in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line, and a traceback below it if there is one."""
        fields = "".join(f" {key}={_plain(value)}" for key, value in self.fields(record).items())
        time = f"{_clock(int(record.created))}.{int(record.msecs):03}"
        # One event is one line, whatever a message holds.
        event = record.getMessage().replace("\n", "\\n")
        line = f"{time} {record.levelname:<7} {record.name} {event}{fields}"
        traceback = self.traceback(record)
        return redact(f"{line}\n{traceback}" if traceback else line)


class JsonFormatter(EventFormatter):
    """One JSON object per line: time, level, logger, event, and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        entry = {
            "time": f"{_date(int(record.created))}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **self.fields(record),
        }
        if traceback := self.traceback(record):
            entry["traceback"] = traceback
        line = _encode(entry)
        # Value by value where there may be something to hide, so that the line stays JSON.
        return _encode({key: _redacted(value) for key, value in entry.items()}) if may_need_redaction(line) else line


@lru_cache(maxsize=2)
def _clock(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%H:%M:%S")


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _plain(value: Any) -> str:
    text = str(value)
    return repr(text) if not text or not text.isprintable() or " " in text else text


def _redacted(value: Any) -> Any:
    return value if isinstance(value, int | float) else redact(str(value))
