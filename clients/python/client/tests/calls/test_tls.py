"""TLS and mTLS over loopback, with certificates that are made for the occasion."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_client import AsyncClient, Client, Tls, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates, and leaves everything as PEM files in a folder."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def made(cls, folder: Path, name: str) -> Authority:
        authority = cls(folder, name, ec.generate_private_key(ec.SECP256R1()))
        authority.certify(name, authority.key, ca=True)
        return authority

    def certify(self, name: str, key: ec.EllipticCurvePrivateKey, *, ca: bool = False) -> Path:
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{name}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate and its key."""
        key, path = ec.generate_private_key(ec.SECP256R1()), self.folder / f"{name}.key"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        return self.certify(name, key), path


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@dataclass(frozen=True, slots=True)
class Server:
    address: str
    authority: Authority
    seen: list[tuple[str, str]]
    """The caller's common name and authorization, for each call."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A storage that answers GetStorageInfo to callers with a certificate of its authority."""
    authority = Authority.made(tmp_path, "authority")
    certificate, key = authority.issue("storage")
    seen: list[tuple[str, str]] = []

    def answer(request: pb.GetStorageInfoRequest, context: grpc.ServicerContext) -> pb.GetStorageInfoResponse:
        metadata = dict(context.invocation_metadata())
        (name,) = context.auth_context()["x509_common_name"]
        seen.append((name.decode(), str(metadata.get("authorization", ""))))
        return pb.GetStorageInfoResponse(backend="behind TLS")

    handler = grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=pb.GetStorageInfoRequest.FromString,
        response_serializer=pb.GetStorageInfoResponse.SerializeToString,
    )
    running = grpc.server(ThreadPoolExecutor(2))
    running.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("mayfly.storage.v1.StorageService", {"GetStorageInfo": handler}),),
    )
    credentials = grpc.ssl_server_credentials(
        [(key.read_bytes(), certificate.read_bytes())],
        root_certificates=(tmp_path / "authority.pem").read_bytes(),
        require_client_auth=True,
    )
    port = running.add_secure_port("127.0.0.1:0", credentials)
    running.start()
    yield Server(f"127.0.0.1:{port}", authority, seen)
    running.stop(grace=None).wait()


async def backend(kind: type[AsyncClient | Client], **settings: Any) -> str:
    """What GetStorageInfo answers to a client of a kind."""
    if kind is AsyncClient:
        async with AsyncClient(**settings) as client:
            return (await client.storage_info()).backend
    with Client(**settings) as same:
        return (await asyncio.to_thread(same.storage_info)).backend


@pytest.mark.parametrize("kind", [AsyncClient, Client])
async def test_a_certificate_and_a_token_travel_over_tls(kind: type[AsyncClient | Client], server: Server) -> None:
    certificate, key = server.authority.issue("gateway")
    tls = Tls(ca_file=server.authority.folder / "authority.pem", cert_file=certificate, key_file=key)

    assert await backend(kind, storage=server.address, tls=tls, token="sesame") == "behind TLS"
    assert server.seen == [("gateway", "Bearer sesame")]


@pytest.mark.parametrize("kind", [AsyncClient, Client])
async def test_a_server_of_another_authority_is_not_trusted(
    kind: type[AsyncClient | Client],
    server: Server,
    tmp_path: Path,
) -> None:
    (tmp_path / "elsewhere").mkdir()
    stranger = Authority.made(tmp_path / "elsewhere", "stranger")
    certificate, key = stranger.issue("gateway")
    tls = Tls(ca_file=stranger.folder / "stranger.pem", cert_file=certificate, key_file=key)

    with pytest.raises(UnavailableError, match="does not answer"):
        await backend(kind, storage=server.address, tls=tls, token="sesame", timeout=60)

    assert server.seen == []
