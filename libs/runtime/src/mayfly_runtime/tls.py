"""TLS credentials from files, read again when the files change."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING, cast

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mayfly_runtime.server_options import TlsFiles

_log = logging.getLogger("mayfly.tls")


class TlsFilesError(Exception):
    """A TLS file that cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"The TLS file {path} cannot be used: {reason}.")
        self.path = path


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Credentials that follow the files; a client certificate is demanded if an authority for it is named.

    Raises:
        TlsFilesError: If a file cannot be read or holds no PEM.
    """
    source = _Certificates(files)
    return grpc.dynamic_ssl_server_credentials(
        source.read(),
        # None for "as before" is documented; the stubs do not know it.
        cast("Callable[[], grpc.ServerCertificateConfiguration]", source.changed),
        require_client_authentication=files.client_ca is not None,
    )


class _Certificates:
    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._seen = self._stamp()

    def read(self) -> grpc.ServerCertificateConfiguration:
        pair = (_pem(self._files.key), _pem(self._files.cert))
        authorities = _pem(self._files.client_ca) if self._files.client_ca else None
        _check_pair(self._files)
        return grpc.ssl_server_certificate_configuration([pair], authorities)

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Called by gRPC at each handshake, in a thread of its own; None means: as before."""
        stamp = self._stamp()
        if stamp == self._seen:
            return None
        try:
            configuration = self.read()
        except TlsFilesError:
            # Half-written files are read again at the next handshake; until then the old certificate serves.
            _log.exception("certificate_not_renewed")
            return None
        self._seen = stamp
        _log.info("certificate_renewed", extra={"path": str(self._files.cert)})
        return configuration

    def _stamp(self) -> tuple[int, ...]:
        files = (self._files.cert, self._files.key, self._files.client_ca)
        return tuple(_modified(path) for path in files if path is not None)


def _check_pair(files: TlsFiles) -> None:
    """GRPC does not say what is wrong with a pair, and would serve nothing at all with one that is half renewed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An encrypted key must fail here, instead of asking a terminal for its password.
        context.load_cert_chain(files.cert, files.key, password=lambda: "")
    except ssl.SSLError as error:
        reason = error.reason or str(error)
        if reason == "KEY_VALUES_MISMATCH":
            raise TlsFilesError(files.key, f"it and {files.cert} do not belong together") from error
        raise TlsFilesError(files.cert, f"it, or the key {files.key}, cannot be read ({reason})") from error


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _pem(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TlsFilesError(path, error.strerror or "it cannot be read") from error
    if b"-----BEGIN " not in content:
        raise TlsFilesError(path, "it holds no PEM block")
    return content
