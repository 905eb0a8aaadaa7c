"""Signed links of a fake storage, and the HTTP server behind them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from mayfly_client._fake.shelf import Item, Shelf


class Links:
    """Makes links and serves them on a port of loopback."""

    def __init__(self, shelf: Shelf, now: Callable[[], datetime]) -> None:
        self.shelf = shelf
        self.now = now
        self._key = secrets.token_bytes(32)
        self._server = _LinkServer(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def base(self) -> str:
        """Where the links begin."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def make(self, method: str, item: Item, expire_time: datetime, *, attachment: bool = False) -> str:
        """A link for one method and one audio."""
        query = {"exp": str(int(expire_time.timestamp())), "save": "1" if attachment else "0"}
        if method == "PUT":
            query["attempt"] = item.attempt
        path = f"/{item.audio_id}"
        return f"{self.base}{path}?{urlencode({**query, 'sig': self._sign(method, path, query)})}"

    def refuses(self, method: str, path: str, query: dict[str, str]) -> int | None:
        """The status with which a link is refused; None if it is good."""
        signed = {name: value for name, value in query.items() if name != "sig"}
        if not hmac.compare_digest(query.get("sig", ""), self._sign(method, path, signed)):
            return 403
        return 410 if self.now() >= datetime.fromtimestamp(int(query["exp"]), UTC) else None

    def _sign(self, method: str, path: str, query: dict[str, str]) -> str:
        text = f"{method}\n{path}\n{urlencode(sorted(query.items()))}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


class _LinkServer(ThreadingHTTPServer):
    """Knows whose links it serves."""

    def __init__(self, links: Links) -> None:
        self.links = links
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """PUT through a grant; GET and HEAD of a link."""

    protocol_version = "HTTP/1.1"
    # A caller that keeps a connection open must not keep a thread for ever.
    timeout = 5
    server: _LinkServer

    def do_PUT(self) -> None:
        """Take the bytes of an upload."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path, query = self._asked()
        links = self.server.links
        status = links.refuses("PUT", path, query) or links.shelf.put(path[1:], query["attempt"], body)
        self._answer(status, {"ETag": '"fake"'})

    def do_GET(self) -> None:
        """Serve the bytes of an audio."""
        links = self.server.links
        path, query = self._asked()
        if status := links.refuses("GET", path, query):
            return self._answer(status)
        item = next((each for each in links.shelf.readable() if each.audio_id == path[1:]), None)
        if item is None or item.data is None:
            return self._answer(410)
        name = item.object_key.rpartition("/")[2]
        how = f'attachment; filename="{name}"' if query["save"] == "1" else "inline"
        headers = {"Content-Type": item.new.content_type, "Content-Disposition": how, "Cache-Control": "private"}
        return self._answer(200, headers, item.data)

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def log_message(self, *_: object) -> None:
        """Say nothing: the request line holds the signature."""

    def _asked(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}

    def _answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            # A caller who goes away does no harm, and is no news for whoever runs tests with a fake.
            with suppress(ConnectionError):
                self.wfile.write(body)
