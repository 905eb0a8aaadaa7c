"""The two boto3 clients, made once, and the one way in which they are called."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.answers import read_items_directly
from mayfly_storage.backends.aws.errors import code_of, domain_errors
from mayfly_storage.backends.aws.throttling import ThrottledRetries

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.credentials import Credentials
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_s3.client import S3Client

    from mayfly_runtime.offload import Offload
    from mayfly_storage.backends.aws.options import AwsOptions

P = ParamSpec("P")
T = TypeVar("T")

S3: Final = "S3"
DYNAMODB: Final = "DynamoDB"
"""The services' names in errors."""

logger = logging.getLogger(__name__)

# At DEBUG these print signatures, session tokens and rows, whatever the rest of the process logs.
_TALKATIVE: Final = ("boto3", "botocore", "s3transfer", "urllib3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """One client for each service, and the credentials that both sign with."""

    s3: S3Client
    links: S3Client
    """Knows where links lead; `s3` unless that is another endpoint."""
    leased: S3Client
    """Sends requests as they were signed before, each once."""
    dynamodb: DynamoDBClient
    credentials: Credentials | None

    def close(self) -> None:
        """Close all connections."""
        self.s3.close()
        self.leased.close()
        self.dynamodb.close()


def make_clients(options: AwsOptions, *, session: boto3.Session | None = None) -> Clients:
    """Make the clients; reads service models from disk and looks for credentials, so it blocks for a moment.

    Args:
        options: Where the services are.
        session: Carries credentials and event hooks; by default a new one with boto3's own chain of credentials.
    """
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(max(logging.INFO, logger.level))
    session = session or boto3.Session()
    dynamodb = session.client(
        "dynamodb", region_name=options.region, endpoint_url=options.dynamodb_endpoint_url, config=_config(options)
    )
    read_items_directly(dynamodb)
    ThrottledRetries(attempts=options.attempts).watch(dynamodb)
    usual = _s3_config(options)
    s3 = session.client("s3", region_name=options.region, endpoint_url=options.s3_endpoint_url, config=usual)
    accelerated = usual.merge(Config(s3={"use_accelerate_endpoint": True}))
    return Clients(
        s3=s3,
        links=session.client("s3", region_name=options.region, config=accelerated) if options.accelerate else s3,
        leased=session.client(
            "s3", region_name=options.region, endpoint_url=options.s3_endpoint_url, config=usual.merge(_SENT_ONCE)
        ),
        dynamodb=dynamodb,
        credentials=session.get_credentials(),
    )


_SENT_ONCE: Final = Config(signature_version=UNSIGNED, retries={"mode": "standard", "total_max_attempts": 1})


def _config(options: AwsOptions) -> Config:
    return Config(
        connect_timeout=options.connect_timeout.total_seconds(),
        read_timeout=options.read_timeout.total_seconds(),
        retries={"mode": "standard", "total_max_attempts": options.attempts},
        max_pool_connections=options.connections,
        tcp_keepalive=True,
    )


def _s3_config(options: AwsOptions) -> Config:
    return _config(options).merge(
        Config(
            # Without it, botocore signs links in us-east-1 by version 2: no limit of their life, and no signed headers.
            signature_version="s3v4",
            s3={"addressing_style": options.addressing_style, "us_east_1_regional_endpoint": "regional"},
            # We name a SHA-256 wherever bytes go up; stores that speak like S3 do not all know more than that.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
    )


class AwsCalls:
    """Calls one service in the pool of its own; what goes wrong is said in the domain's words where it has some."""

    def __init__(self, service: str, offload: Offload) -> None:
        """Take the service's name for errors, and the pool: one per service, so that a slow one fills only its own."""
        self.service = service
        self._offload = offload

    async def __call__(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` in the pool. Raises the domain's errors, and ClientError for what is not in their table."""
        if not logger.isEnabledFor(logging.DEBUG):
            with domain_errors(self.service):
                return await self._offload(fn, *args, **kwargs)
        begun, outcome = time.perf_counter(), "cancelled"
        try:
            with domain_errors(self.service):
                answer = await self._offload(fn, *args, **kwargs)
            outcome = "ok"
        except Exception as error:
            outcome = code_of(error) if isinstance(error, ClientError) else type(error).__name__
            raise
        else:
            return answer
        finally:
            elapsed = round((time.perf_counter() - begun) * 1000, 1)
            facts = {"service": self.service, "operation": getattr(fn, "__name__", "?")}
            logger.debug("aws_call", extra=facts | {"outcome": outcome, "elapsed_ms": elapsed})
