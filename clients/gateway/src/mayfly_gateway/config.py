"""Settings of the gateway: `MAYFLY_GATEWAY_...`. The only module that reads the environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from mayfly_client.channel import Tls
from mayfly_gateway.callers import ApiCallers
from mayfly_runtime.addresses import ListenAddress
from mayfly_runtime.server_options import CONNECTIONS_PER_REQUEST, HttpOptions
from mayfly_runtime.settings import Duration, ServiceSettings

_MEBIBYTE = 1024 * 1024


class GatewaySettings(ServiceSettings):
    """Everything that can be set, with a default that works on one machine."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix="MAYFLY_GATEWAY_")

    listen: str = "127.0.0.1:50088"
    """Address of the HTTP server. TLS is the business of the proxy before it."""

    public_url: str = ""
    """Where people reach the gateway, such as `https://speech.example.org`: with https the guests' cookie is for TLS
    alone, and browsers are told to stay with it. Links of the gateway's own are paths, and lead to wherever it is."""

    storage_target: str = "127.0.0.1:50051"
    """Address of storage, as a gRPC target."""

    synth_target: str = "127.0.0.1:50061"
    """Address of synth, as a gRPC target."""

    sweeper_target: str = "127.0.0.1:50071"
    """Address of the sweeper, as a gRPC target: for the operators' page and for the cleanup door."""

    token: SecretStr | None = None
    """Bearer token with which the gateway shows the services who it is. Needs TLS, or loopback addresses."""

    tls: bool = False
    """Whether the services are called over TLS."""

    tls_ca: Path | None = None
    """PEM file of the authorities that sign the services' certificates. Default: the well-known ones."""

    tls_cert: Path | None = None
    """PEM file of the gateway's client certificate, where the services know callers by certificate (mTLS)."""

    tls_key: Path | None = None
    """PEM file of the key of that certificate."""

    timeout: Duration = Field(default=timedelta(seconds=30), ge=timedelta(seconds=1))
    """Longest single call of a service; streams and transfers have ten times as long."""

    secret: SecretStr | None = None
    """What stable links are sealed with: 32 characters or more; several with commas, the newest first, so that one can
    be replaced while its links live on. The same for all replicas. Default: a new one at each start, so that links end
    with the process."""

    callers: SecretStr | None = None
    """Who may use the doors for apps: `name=token` pairs with commas or on lines of their own. Without it a gateway at
    a loopback address lets everybody in, as `anonymous`, and any other gateway nobody."""

    operators_token: SecretStr | None = None
    """Bearer token of the operators' page. Default: nobody sees it."""

    trusted_proxies: int = Field(default=0, ge=0, le=16)
    """How many proxies before the gateway add to `X-Forwarded-For`. Too many lets guests make up their address, and
    with it their quota; too few counts all guests as one."""

    cors_origins: tuple[str, ...] = ()
    """Origins of other pages that may call the gateway from a browser, or `*`. None by default. They never get the
    guest's cookie; what pages of other origins send is refused."""

    link_origins: tuple[str, ...] = ("http://127.0.0.1:50080",)
    """Where signed links lead, for the page's content security policy: the bucket's origin, or that of storage's own
    links."""

    link_life: Duration = Field(default=timedelta(minutes=10), ge=timedelta(seconds=10))
    """Life of the signed link that a stable link redirects to."""

    max_characters: int = Field(default=5_000, ge=1)
    """Longest text, as the page says it. At most what synth takes."""

    max_text_bytes: int = Field(default=256 * 1024, ge=1024)
    """Largest body of a request that carries no audio."""

    max_upload_bytes: int = Field(default=50 * _MEBIBYTE, ge=1024)
    """Largest body of a request that carries audio. At most what the collection takes."""

    max_requests: int = Field(default=100, ge=1)
    """Requests at a time; more are told that the gateway is busy."""

    head_timeout: Duration = Field(default=timedelta(seconds=10), gt=timedelta(0))
    """How long a connection may take to say what it wants, and how long it may be idle."""

    body_timeout: Duration = Field(default=timedelta(seconds=60), gt=timedelta(0))
    """Longest wait for the next bytes of a request's body."""

    request_timeout: Duration = Field(default=timedelta(minutes=5), gt=timedelta(0))
    """Longest request, streams included."""

    drain: Duration = Field(default=timedelta(seconds=20), ge=timedelta(0))
    """How long running requests may go on after SIGTERM. Stay below the orchestrator's grace period (30s)."""

    guest_life: Duration = Field(default=timedelta(days=30), ge=timedelta(minutes=1))
    """How long a browser remembers which guest it is."""

    guest_recording_life: Duration = Field(default=timedelta(days=1), ge=timedelta(minutes=1))
    """How long recordings of guests are kept. Those of apps' users are kept until they are deleted."""

    remembered_speech: int = Field(default=1_000, ge=0)
    """How many texts' words and waveforms are remembered for captions and histories, at most until their audio ends."""

    openai_voices: dict[str, str] = Field(default_factory=dict)
    """Voices that stand for OpenAI's, as JSON: `{"alloy": "en_US-lessac-medium"}`. Those that are not named speak with
    the default voice."""

    session_voices: dict[str, str] = Field(default_factory=dict)
    """Voices that stand for those of system B's engine, as JSON: `{"af_heart": "en_US-lessac-medium"}`. For names such
    as `af_heart` that are not named here, the language decides."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together: give both, or neither")
        if not self.tls and (self.tls_ca or self.tls_cert):
            raise ValueError("tls_ca and tls_cert need MAYFLY_GATEWAY_TLS=true")
        if any(len(key) < 32 for key in self.secrets()):
            raise ValueError("secret must have at least 32 characters; `openssl rand -hex 32` makes one")
        self.api_callers()
        return self

    def tls_to_services(self) -> Tls | None:
        """How the services are trusted; None for plaintext."""
        return Tls(ca_file=self.tls_ca, cert_file=self.tls_cert, key_file=self.tls_key) if self.tls else None

    def http_options(self) -> HttpOptions:
        """How the door is served."""
        return HttpOptions(
            listen=self.listen,
            max_connections=CONNECTIONS_PER_REQUEST * self.max_requests,
            head_timeout=self.head_timeout,
            drain=self.drain,
        )

    def secrets(self) -> tuple[str, ...]:
        """The keys of stable links, newest first; none if they are to be made."""
        given = self.secret.get_secret_value() if self.secret else ""
        return tuple(part.strip() for part in given.split(",") if part.strip())

    def api_callers(self) -> ApiCallers:
        """Who may use the doors for apps."""
        if self.callers is None:
            return ApiCallers(open_to_all=ListenAddress.parse(self.listen).is_loopback)
        return ApiCallers.parse(self.callers.get_secret_value())

    @property
    def is_https(self) -> bool:
        """Whether people reach the gateway over TLS."""
        return self.public_url.startswith("https://")
