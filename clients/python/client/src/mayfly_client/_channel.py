"""Channels as Mayfly's servers like them: keepalive, retries, limits, TLS, a token."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - part of the public signature of Tls, resolved by documentation tools
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from mayfly_client._argument_error import ArgumentError
from mayfly_client._bearer import SyncBearer, aio_bearer
from mayfly_client._service_config import service_config
from mayfly_client._targets import is_loopback

if TYPE_CHECKING:
    from collections.abc import Sequence

SyncInterceptor = (
    grpc.UnaryUnaryClientInterceptor
    | grpc.UnaryStreamClientInterceptor
    | grpc.StreamUnaryClientInterceptor
    | grpc.StreamStreamClientInterceptor
)

# Control calls are small, and audio comes in chunks of 64 KiB: what is larger is a mistake.
_MAX_MESSAGE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How to trust a server, and how to be trusted by it. Without files: the usual authorities, no certificate."""

    ca_file: Path | None = None
    """PEM file of the authorities that sign servers. Default: those that gRPC ships."""
    cert_file: Path | None = None
    """PEM file of the caller's own certificate chain, for mTLS. Needs `key_file`."""
    key_file: Path | None = None
    """PEM file of the key of `cert_file`."""
    server_name: str | None = None
    """Name that the server's certificate must have, where it is not the target's."""

    def credentials(self) -> grpc.ChannelCredentials:
        """Read the files. A missing one raises FileNotFoundError with its name."""
        if (self.cert_file is None) != (self.key_file is None):
            missing = "key_file" if self.key_file is None else "cert_file"
            raise ArgumentError(f"Tls needs cert_file and key_file together; {missing} is missing")
        return grpc.ssl_channel_credentials(_read(self.ca_file), _read(self.key_file), _read(self.cert_file))


def open_channel(
    target: str,
    *,
    token: str | None = None,
    tls: Tls | None = None,
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
) -> grpc.aio.Channel:
    """Open a grpc.aio channel. Nothing is sent before the first call.

    Args:
        target: `host:port`, or a gRPC target such as `dns:///storage.mayfly.svc:50051`.
        token: Bearer token, sent with every call.
        tls: TLS; without it the channel is plaintext, which a token allows on loopback only.
        interceptors: Outermost first; the token is added inside of them.

    Raises:
        ArgumentError: A token would leave this machine in plaintext.
    """
    _refuse_bare_token(target, token, tls)
    chain = [*interceptors, *(aio_bearer(token) if token else ())]
    if tls is None:
        return grpc.aio.insecure_channel(target, options=_options(target, tls), interceptors=chain)
    return grpc.aio.secure_channel(target, tls.credentials(), options=_options(target, tls), interceptors=chain)


def open_sync_channel(
    target: str,
    *,
    token: str | None = None,
    tls: Tls | None = None,
    interceptors: Sequence[SyncInterceptor] = (),
) -> grpc.Channel:
    """Open a synchronous channel; the twin of `open_channel`."""
    _refuse_bare_token(target, token, tls)
    if tls is None:
        channel = grpc.insecure_channel(target, options=_options(target, tls))
    else:
        channel = grpc.secure_channel(target, tls.credentials(), options=_options(target, tls))
    chain = [*interceptors, *([SyncBearer(token)] if token else ())]
    return grpc.intercept_channel(channel, *chain) if chain else channel


def _options(target: str, tls: Tls | None) -> list[tuple[str, Any]]:
    options: list[tuple[str, Any]] = [
        ("grpc.service_config", service_config()),
        # The service is configured here, not by a TXT record of somebody's DNS.
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.enable_retries", 1),
        # A service that restarts is found again within the retries' own patience (gRPC's default waits 1 s to 2 min).
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 10_000),
        # In spite of its name, the least time that one attempt to connect (with TLS) is given.
        ("grpc.min_reconnect_backoff_ms", 5_000),
        # A dead connection is noticed within 80 s of a call; servers permit a ping every 30 s.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ]
    if is_loopback(target):
        # A company's proxy has no way back to this machine.
        options.append(("grpc.enable_http_proxy", 0))
    if tls is not None and tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    return options


def _refuse_bare_token(target: str, token: str | None, tls: Tls | None) -> None:
    if token and tls is None and not is_loopback(target):
        raise ArgumentError(
            f"refusing to send a token in plaintext to {target}: pass tls=Tls(...) (or set MAYFLY_TLS=on), "
            "or use a loopback address such as 127.0.0.1:50051",
        )


def _read(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()
