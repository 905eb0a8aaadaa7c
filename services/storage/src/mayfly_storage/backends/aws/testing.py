"""An AWS that needs no account: moto's server, made safe for writers that race. For tests and `make up BACKEND=aws`.

moto's own server answers in threads, and its transactions are not: one that is refused puts the table back as it was
when it began, and with it what others wrote meanwhile; a PUT with If-None-Match looks first and writes later. Here one
request is answered at a time. What moto does not check at all (signatures, expiry, checksums, ETags in DeleteObjects,
limits of batches, TTL) it does not check here either.
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.options import AwsOptions
from mayfly_storage.backends.aws.provision import ensure_bucket_and_table
from mayfly_storage.domain.timing import Timing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from datetime import datetime

    from mayfly_storage.domain.ports import Backend

_LOOPBACK: Final = "127.0.0.1"


class _OneAtATime:
    """A WSGI application that reads each body as it comes, and then answers alone."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._turn = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self._turn:
            return list(self._app({**environ, "wsgi.input": BytesIO(body)}, start_response))


class _Handler(WSGIRequestHandler):
    """HTTP/1.1, so that clients which ask for it hear `100 Continue`; and no line for each request."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def aws_emulator(*, port: int = 0) -> Iterator[str]:
    """Serve S3 and DynamoDB on loopback, empty at first; gives the URL of both. Port 0 takes a free one."""
    app = _OneAtATime(DomainDispatcherApplication(create_backend_app))
    server = make_server(_LOOPBACK, port, app, threaded=True, request_handler=_Handler)
    thread = threading.Thread(target=server.serve_forever, name="aws-emulator", daemon=True)
    thread.start()
    try:
        yield f"http://{_LOOPBACK}:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def emulated_options(url: str, **overrides: Any) -> AwsOptions:
    """Options for a bucket and a table of their own, which do not exist yet."""
    name = f"test-{uuid4().hex}"
    facts: dict[str, Any] = {
        "bucket": name,
        "table": name,
        "region": "eu-central-1",
        "s3_endpoint_url": url,
        "dynamodb_endpoint_url": url,
        "addressing_style": "path",
    }
    return AwsOptions(**(facts | overrides))


def emulated_session() -> boto3.Session:
    """Made-up credentials, whatever the environment holds."""
    return boto3.Session(aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="made-up")  # noqa: S106 - it is


_shared_session = cache(emulated_session)  # the models that a session reads from disk cost more than the rest of a test


@asynccontextmanager
async def open_emulated(
    options: AwsOptions,
    *,
    now: Callable[[], datetime],
    timing: Timing | None = None,
    session: boto3.Session | None = None,
) -> AsyncIterator[Backend]:
    """Make the bucket and the table, and open the backend on them; a session of one's own may carry hooks."""
    session = session or _shared_session()
    clients = make_clients(options, session=session)
    ensure_bucket_and_table(clients, options)
    clients.close()
    async with open_aws(options, timing=timing or Timing(), now=now, session=session) as backend:
        yield backend


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted: `python -m mayfly_storage.backends.aws.testing --port 5000`."""
    parser = argparse.ArgumentParser(description="An AWS emulator (moto) on loopback.")
    parser.add_argument("--port", type=int, default=5000, help="default: 5000; 0 takes a free one")
    port: int = parser.parse_args(arguments).port
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with aws_emulator(port=port) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
