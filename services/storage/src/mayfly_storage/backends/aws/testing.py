"""An AWS that needs no account: moto's server, made safe for writers that race. For tests and `make up BACKEND=aws`.

moto's own server answers in threads, and its transactions are not: one that is refused puts the table back as it was
when it began, and with it what others wrote meanwhile; a PUT with If-None-Match looks first and writes later. Here one
request is answered at a time. What moto does not check at all (signatures, expiry, checksums, ETags in DeleteObjects,
limits of batches, TTL, rights, conditions of bucket policies, CORS, lifecycle rules) it does not check here either.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import sys
import threading
from collections import Counter, defaultdict, deque
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, cast
from unittest.mock import patch
from uuid import uuid4

import boto3
import botocore.session
import urllib3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError
from botocore.loaders import Loader, create_loader
from moto.dynamodb.models.table import Table
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import FakeBucket, MultipartDict
from werkzeug.serving import WSGIRequestHandler, make_server

from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.features import StoreFeatures
from mayfly_storage.backends.aws.options import AwsOptions
from mayfly_storage.backends.aws.provision import ensure_bucket_and_table
from mayfly_storage.domain.timing import Timing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from botocore.awsrequest import AWSPreparedRequest

    from mayfly_storage.domain.stores import Backend

    Handler = Callable[[AWSPreparedRequest], AWSResponse | None]

EMULATED: Final = StoreFeatures(conditional_puts=True, checksums=False, conditional_deletes=False)
"""What the emulator does for real. By default it is spoken to as if it compared checksums, like AWS."""
_LOOPBACK: Final = "127.0.0.1"


class _OneAtATime:
    """A WSGI application that reads each body as it comes, and then answers alone."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._turn = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self._turn, _one_copy_of_each_table(), _policies_without_conditions(), _known_uploads():
            return list(self._app({**environ, "wsgi.input": BytesIO(body)}, start_response))


def _one_copy_of_each_table() -> AbstractContextManager[object]:
    """Within it, moto copies a table once, and not for each write of a transaction: a hundred times less to do.

    It makes all its copies before the first write, so that they are alike.
    """
    copies: dict[int, Table] = {}

    def copy_once(table: Table, memo: dict[int, Any]) -> Table:
        if id(table) not in copies:
            copied: Table = object.__new__(cast("type[Any]", Table))  # without its constructor
            copied.__dict__ = copy.deepcopy(table.__dict__, memo)
            copies[id(table)] = copied
        return copies[id(table)]

    return patch.object(Table, "__deepcopy__", copy_once, create=True)


def _policies_without_conditions() -> AbstractContextManager[object]:
    """Within it, moto lets statements of a bucket's policy be that have a condition.

    It looks at no condition, so that `Deny` over plaintext is `Deny` always. S3 itself judges those; nobody does here.
    """
    judge = FakeBucket.get_permission

    def judge_the_unconditional(bucket: FakeBucket, action: str, resource: str) -> object:
        policy = json.loads(bucket.policy or "{}")
        plain = [each for each in policy.get("Statement", []) if "Condition" not in each]
        judged = copy.copy(bucket)
        judged.policy = json.dumps({**policy, "Statement": plain}).encode() if plain else None
        return judge(judged, action, resource)

    return patch.object(FakeBucket, "get_permission", judge_the_unconditional)


def _known_uploads() -> AbstractContextManager[object]:
    """Within it, moto answers NoSuchUpload to a part of an upload that is over, as S3 does, and breaks down no more."""

    def refuse(_: object, upload_id: str) -> object:
        raise NoSuchUpload(upload_id)

    return patch.object(MultipartDict, "__missing__", refuse, create=True)


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
        "features": StoreFeatures(conditional_deletes=False),
        # A busy machine must not look like a service that does not answer.
        "connect_timeout": timedelta(seconds=10),
        "read_timeout": timedelta(seconds=30),
    }
    return AwsOptions(**(facts | overrides))


def emulated_session() -> boto3.Session:
    """Made-up credentials, whatever the environment holds."""
    session = botocore.session.Session()
    session.register_component("data_loader", _loader())
    return boto3.Session("AKIAEXAMPLE", "made-up", botocore_session=session)


@cache
def _loader() -> Loader:
    """Reads the models of the services once: that takes longer than most tests."""
    return create_loader()


@asynccontextmanager
async def open_emulated(
    options: AwsOptions,
    *,
    now: Callable[[], datetime],
    timing: Timing | None = None,
    session: boto3.Session | None = None,
) -> AsyncIterator[Backend]:
    """Make the bucket and the table, and open the backend on them; a session of one's own may carry hooks."""
    session = session or emulated_session()
    clients = make_clients(options, session=session)
    ensure_bucket_and_table(clients, options)
    clients.close()
    async with open_aws(options, timing=timing or Timing(), now=now, session=session) as backend:
        yield backend


class Wire:
    """Sees every request that botocore is about to send, and can stand in for the service: what moto never answers."""

    def __init__(self, session: boto3.Session) -> None:
        """Watch all clients that the session will make."""
        self.sent: list[tuple[str, AWSPreparedRequest]] = []
        self._plans: defaultdict[str, deque[Handler]] = defaultdict(deque)
        # botocore takes an answer from this event alone, which its types do not know.
        session.events.register("before-send", cast("Callable[..., None]", self._before_send))

    @property
    def counts(self) -> Counter[str]:
        """How many requests there were of each operation, retries of the SDK included."""
        return Counter(operation for operation, _ in self.sent)

    def requests(self, operation: str) -> list[AWSPreparedRequest]:
        """The requests of one operation."""
        return [request for name, request in self.sent if name == operation]

    def forget(self) -> None:
        """Count from here."""
        self.sent.clear()

    def forget_plans(self) -> None:
        """Let all requests go on their way again."""
        self._plans.clear()

    def answer(self, operation: str, status: int, body: object, *, times: int = 1) -> None:
        """The next requests are answered so (JSON, or text as it is), and never reach the service."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.stand_in(operation, lambda request: response_to(request, status, text), times=times)

    def empty_index(self, name: str, *, times: int) -> None:
        """So many next queries find nothing in an index, as if it lagged behind; others go on their way."""

        def nothing(request: AWSPreparedRequest) -> AWSResponse | None:
            body: Any = request.body
            asked = json.loads(body).get("IndexName")
            return response_to(request, 200, '{"Items": [], "Count": 0, "ScannedCount": 0}') if asked == name else None

        self.stand_in("Query", nothing, times=times)

    def fail(self, operation: str, error: Exception, *, times: int = 1) -> None:
        """The next requests never reach the service."""

        def raise_it(_: AWSPreparedRequest) -> AWSResponse:
            raise error

        self.stand_in(operation, raise_it, times=times)

    def lose_answer(self, operation: str, *, times: int = 1) -> None:
        """The next requests reach the service, which carries them out; nobody hears of it."""
        self.stand_in(operation, _send_and_lose, times=times)

    def stand_in(self, operation: str, handler: Handler, *, times: int = 1) -> None:
        """The next requests go to the handler first, in the thread that sends them; None lets one go on its way."""
        self._plans[operation].extend([handler] * times)

    def _before_send(self, request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse | None:
        operation = event_name.rsplit(".", 1)[-1]
        self.sent.append((operation, request))
        return self._plans[operation].popleft()(request) if self._plans[operation] else None


class _Raw(BytesIO):
    """What botocore reads a body from."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """All of it."""
        yield self.read()


def response_to(request: AWSPreparedRequest, status: int, body: str) -> AWSResponse:
    """An answer, for handlers that stand in for a service."""
    headers = HTTPHeaders()
    headers["date"] = "Thu, 15 Jan 2026 06:30:00 GMT"
    return AWSResponse(request.url, status, headers, _Raw(body.encode()))


def _send_and_lose(request: AWSPreparedRequest) -> AWSResponse:
    body: Any = request.body
    given: Any = request.headers  # texts or bytes
    headers = {
        name: value.decode() if isinstance(value, bytes) else value for name, value in given.items() if name != "Expect"
    }
    answer = urllib3.request(
        str(request.method), request.url, headers=headers, body=body.read() if hasattr(body, "read") else body
    )
    assert answer.status < 500, answer.data
    raise ReadTimeoutError(endpoint_url="http://lost.invalid")


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
