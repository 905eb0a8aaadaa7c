"""A store that does less than S3: a proxy that overlooks, or refuses, headers of the requests that pass through it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

import urllib3

if TYPE_CHECKING:
    from collections.abc import Iterator

CONDITION: Final = frozenset({"if-none-match"})
CHECKSUMS: Final = frozenset({"x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm", "x-amz-checksum-mode"})
_NOT_PASSED_ON: Final = frozenset({"connection", "expect", "host", "keep-alive", "transfer-encoding"})
_REFUSAL: Final = b"<Error><Code>NotImplemented</Code><Message>A header is not implemented.</Message></Error>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessening:
    """What the store does not do, by names of headers in lower case. Only requests that write bytes are looked at."""

    overlooks: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()


@contextmanager
def lesser_store(url: str, lessening: Lessening) -> Iterator[str]:
    """Serve on loopback what lies behind `url`, less what is lacking; gives the URL of it."""
    pool = urllib3.PoolManager()
    handler = type("Handler", (_Proxy,), {"behind": url, "lessening": lessening, "pool": pool})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, name="lesser-store", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        pool.clear()


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behind: str
    lessening: Lessening
    pool: urllib3.PoolManager

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
        if self.command == "PUT" or "uploadId=" in self.path:
            if self.lessening.refuses & {name.lower() for name in headers}:
                self._answer(501, {"Content-Type": "application/xml"}, _REFUSAL)
                return
            headers = {name: value for name, value in headers.items() if name.lower() not in self.lessening.overlooks}
        answer = self.pool.request(
            self.command, f"{self.behind}{self.path}", body=body, headers=headers, redirect=False, decode_content=False
        )
        self._answer(answer.status, dict(answer.headers), answer.data)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815 - names that http.server looks for

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        # Not `send_response`: the store behind says its own date and name.
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _NOT_PASSED_ON | {"content-length"}:
                self.send_header(name, value)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
