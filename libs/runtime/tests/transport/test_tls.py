from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mayfly_runtime import probe
from mayfly_runtime.identity import Caller, CallerRegistry, current_caller, hash_token
from mayfly_runtime.server import ServerBuilder, TlsFiles
from mayfly_runtime.telemetry import Telemetry
from mayfly_runtime.testing import options_for_tests, rpc_error, running
from mayfly_runtime.tls import TlsFilesError

if TYPE_CHECKING:
    from pathlib import Path

SPIFFE = "spiffe://mayfly/gateway"


@dataclass(frozen=True)
class Pair:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def issue(common_name: str, *, issuer: Pair | None = None, names: tuple[x509.GeneralName, ...] = ()) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Pair(key, builder.sign(issuer.key if issuer else key, hashes.SHA256()))


def server_pair(authority: Pair) -> Pair:
    return issue("server", issuer=authority, names=(x509.IPAddress(ipaddress.ip_address("127.0.0.1")),))


@pytest.fixture(scope="module")
def authority() -> Pair:
    return issue("authority")


@pytest.fixture
def files(tmp_path: Path, authority: Pair) -> TlsFiles:
    pair = server_pair(authority)
    (tmp_path / "cert.pem").write_bytes(pair.pem)
    (tmp_path / "key.pem").write_bytes(pair.key_pem)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    return TlsFiles(tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem")


CALLERS = CallerRegistry(
    (
        Caller("by-name", ("*",), common_name="client.mayfly"),
        Caller("by-spiffe", ("*",), spiffe_id=SPIFFE),
        Caller("by-token", ("*",), token_sha256=hash_token("token")),
    )
)


@pytest.fixture
def builder_for(echo: Any, register: Any, service: str) -> Any:
    """A builder whose service answers the caller's name."""

    async def unary_unary(request: Any, context: Any) -> bytes:
        return current_caller().name.encode()

    echo.unary_unary = unary_unary

    def make(tls: TlsFiles) -> ServerBuilder:
        builder = ServerBuilder(
            options_for_tests(tls=tls),
            domain="test.mayfly",
            errors={},
            callers=CALLERS,
            telemetry=Telemetry.disabled(),
        )
        return builder.add(register, echo, service=service)

    return make


async def ask(address: str, service: str, authority: Pair, client: Pair | None = None, **options: Any) -> bytes:
    credentials = grpc.ssl_channel_credentials(
        authority.pem, client.key_pem if client else None, client.pem if client else None
    )
    async with grpc.aio.secure_channel(address, credentials) as channel:
        return bytes(await channel.unary_unary(f"/{service}/unary_unary")(b"", timeout=10, **options))


async def test_a_common_name_is_an_identity(files: TlsFiles, authority: Pair, builder_for: Any, service: str) -> None:
    client = issue("client.mayfly", issuer=authority)
    async with running(builder_for(files)) as server:
        assert await ask(server.address, service, authority, client) == b"by-name"


async def test_a_spiffe_id_is_an_identity(files: TlsFiles, authority: Pair, builder_for: Any, service: str) -> None:
    client = issue("whatever", issuer=authority, names=(x509.UniformResourceIdentifier(SPIFFE),))
    async with running(builder_for(files)) as server:
        assert await ask(server.address, service, authority, client) == b"by-spiffe"


async def test_a_token_speaks_louder_than_a_certificate(
    files: TlsFiles, authority: Pair, builder_for: Any, service: str
) -> None:
    client = issue("client.mayfly", issuer=authority)
    async with running(builder_for(files)) as server:
        token = (("authorization", "Bearer token"),)
        assert await ask(server.address, service, authority, client, metadata=token) == b"by-token"


async def test_a_certificate_that_nobody_configured_is_no_identity(
    files: TlsFiles, authority: Pair, builder_for: Any, service: str
) -> None:
    client = issue("stranger", issuer=authority)
    async with running(builder_for(files)) as server:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await ask(server.address, service, authority, client)

    assert rpc_error(failed).reason == "CALLER_UNAUTHENTICATED"
    assert rpc_error(failed).message.startswith("The client certificate is not known.")


@pytest.mark.parametrize("foreign", [True, False])
async def test_mutual_tls_needs_a_certificate_of_the_authority(
    files: TlsFiles,
    authority: Pair,
    builder_for: Any,
    service: str,
    foreign: bool,  # noqa: FBT001 - a table
) -> None:
    client = issue("client.mayfly", issuer=issue("another authority")) if foreign else None
    async with running(builder_for(files)) as server:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await ask(server.address, service, authority, client)

    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_without_an_authority_tls_takes_tokens(
    files: TlsFiles, authority: Pair, builder_for: Any, service: str
) -> None:
    async with running(builder_for(TlsFiles(files.cert, files.key))) as server:
        token = (("authorization", "Bearer token"),)
        assert await ask(server.address, service, authority, metadata=token) == b"by-token"


async def test_a_renewed_certificate_is_used_without_a_restart(
    files: TlsFiles, authority: Pair, builder_for: Any, service: str
) -> None:
    token = (("authorization", "Bearer token"),)
    new_authority = issue("new authority")
    async with running(builder_for(TlsFiles(files.cert, files.key))) as server:
        await ask(server.address, service, authority, metadata=token)
        renewed = server_pair(new_authority)
        files.cert.write_bytes(renewed.pem)
        files.key.write_bytes(renewed.key_pem)

        assert await ask(server.address, service, new_authority, metadata=token) == b"by-token"


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nMIIB", server_pair(issue("other")).pem])
async def test_a_half_renewed_certificate_leaves_the_old_one_in_use(
    *,
    content: bytes,
    files: TlsFiles,
    authority: Pair,
    builder_for: Any,
    service: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = (("authorization", "Bearer token"),)
    async with running(builder_for(TlsFiles(files.cert, files.key))) as server:
        files.cert.write_bytes(content)

        assert await ask(server.address, service, authority, metadata=token) == b"by-token"
    assert "certificate_not_renewed" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [("cert", None, "No such file"), ("key", b"not PEM", "holds no PEM block"), ("client_ca", b"", "holds no PEM")],
)
async def test_an_unusable_file_is_named(
    name: str, content: bytes | None, problem: str, files: TlsFiles, builder_for: Any
) -> None:
    path = getattr(files, name)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)

    with pytest.raises(TlsFilesError, match=problem) as raised:
        await builder_for(files).start()

    assert raised.value.path == path


async def test_a_key_that_does_not_fit_its_certificate_is_found_at_the_start(
    files: TlsFiles, authority: Pair, builder_for: Any
) -> None:
    files.key.write_bytes(server_pair(authority).key_pem)

    with pytest.raises(TlsFilesError, match="do not belong together"):
        await builder_for(files).start()


async def test_a_probe_without_a_certificate_asks_where_health_is_served_alone(files: TlsFiles) -> None:
    builder = ServerBuilder(
        options_for_tests(tls=files, health_listen="127.0.0.1:0"),
        domain="test.mayfly",
        errors={},
        callers=CallerRegistry((Caller("nobody", ("/x.Y/Z",), common_name="nobody"),)),
        telemetry=Telemetry.disabled(),
    )
    async with running(builder) as server:
        refused, _ = await asyncio.to_thread(probe.ask, server.address)
        heard = await asyncio.to_thread(probe.ask, server.health_address)

    assert (refused, heard) == (False, (True, "SERVING"))
