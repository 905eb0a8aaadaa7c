"""Settings: read once, checked completely, shown without secrets.

A service has one subclass in its `config.py`, the only module that reads the environment:

    class StorageSettings(ServerSettings):
        model_config = SettingsConfigDict(env_prefix="MAYFLY_STORAGE_")

        root: Path = Path(".data")
        \"\"\"Folder of the embedded backend. A local disk: network file systems lose SQLite's locks.\"\"\"

`load` reports every problem at once. The docstring under each field is what `describe`, `.env.example` and the
documentation show; `reference` lists it. An older variable keeps working as a further choice of
`validation_alias=AliasChoices("MAYFLY_STORAGE_BUCKET", "AWS_S3_BUCKET")`; the first is the canonical one. Two of
them that contradict each other are a problem, which names both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from mayfly_runtime.deadlines import DEFAULT_DEADLINE
from mayfly_runtime.durations import Duration
from mayfly_runtime.identity import CallerRegistry
from mayfly_runtime.server_options import DEFAULT_DRAIN, ServerOptions, TlsFiles
from mayfly_runtime.settings_conflicts import conflicts
from mayfly_runtime.settings_problems import SettingsError, problems_of
from mayfly_runtime.settings_reference import SettingReference, describe_settings, references_of
from mayfly_runtime.settings_source import EnvironmentSource, misspelt

__all__ = ["Duration", "ServerSettings", "ServiceSettings", "SettingReference", "SettingsError"]


class ServiceSettings(BaseSettings):
    """What every process has: logging and telemetry."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True, populate_by_name=True
    )

    ambient: ClassVar[frozenset[str]] = frozenset()
    """Older variables that platforms set by themselves: beside the canonical one they say nothing."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """How much is logged. Texts to be spoken, signed URLs and tokens are not logged at any level."""

    log_format: Literal["console", "json"] = "console"
    """`console` for people, `json` for log collectors: one object per line."""

    telemetry_exporter: Literal["none", "console", "otlp"] = "none"
    """Where spans and metrics go. `none` costs next to nothing, and still passes a caller's trace context on."""

    otlp_endpoint: str = "http://127.0.0.1:4318"
    """Base URL of an OpenTelemetry collector that speaks OTLP over HTTP; for the exporter `otlp`."""

    trace_sample_ratio: float = Field(default=1.0, ge=0, le=1)
    """Share of the traces begun here that are recorded, 0 to 1. A trace begun by a caller follows the caller."""

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the environment.

        Args:
            overrides: Values by field name that win over the environment: for command-line flags and tests.

        Raises:
            SettingsError: With every problem: variable, value unless secret, and what is expected.
        """
        given = EnvironmentSource(cls).env_vars
        problems = [f"{name} is not a setting; did you mean {meant}?" for name, meant in misspelt(cls, given)]
        problems += conflicts(cls, given, ambient=cls.ambient)
        try:
            settings = cls(**overrides)
        except ValidationError as error:
            # Not chained: pydantic's own text would show the values again.
            raise SettingsError(problems + problems_of(cls, error)) from None
        if problems:
            raise SettingsError(problems)
        return settings

    @classmethod
    def reference(cls) -> list[SettingReference]:
        """Every setting with its variable, default and meaning, in the order of definition."""
        return references_of(cls)

    def describe(self) -> str:
        """The effective values as a table, secrets masked: for the log at the start of a process."""
        return describe_settings(self)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - replaced by our own
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no file is read behind one's back
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - `VARIABLE_FILE` instead
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Overrides first, then the environment."""
        return init_settings, EnvironmentSource(settings_cls)


class ServerSettings(ServiceSettings):
    """What every process with a gRPC server has besides."""

    callers_file: Path | None = None
    """TOML file of who may call what. Without it the server only serves loopback addresses."""

    tls_cert: Path | None = None
    """PEM file of the server's certificate chain; turns TLS on. Read again when it changes."""

    tls_key: Path | None = None
    """PEM file of the server's private key."""

    tls_client_ca: Path | None = None
    """PEM file of the authorities whose client certificates are asked for and accepted (mTLS)."""

    health_listen: str | None = None
    """A second address that serves health alone, in plaintext: for probes without a certificate, as kubelet's are."""

    max_concurrent_rpcs: int = Field(default=100, ge=1)
    """RPCs served at a time; more are told that the server is busy. High values queue, low values refuse."""

    default_deadline: Duration = DEFAULT_DEADLINE
    """Deadline of calls that come without one."""

    drain: Duration = DEFAULT_DRAIN
    """How long running RPCs may go on after SIGTERM. Stay below the orchestrator's grace period (30s)."""

    reflection: bool = True
    """Whether tools may list services and messages. They hold no secrets, but the list is a map."""

    @model_validator(mode="after")
    def _tls_is_complete(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together: give both, or neither")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError("tls_client_ca needs tls_cert and tls_key: client certificates are part of TLS")
        return self

    def server_options(self, listen: str) -> ServerOptions:
        """The options of a server at an address."""
        tls = None
        if self.tls_cert is not None and self.tls_key is not None:
            tls = TlsFiles(self.tls_cert, self.tls_key, self.tls_client_ca)
        return ServerOptions(
            listen=listen,
            tls=tls,
            health_listen=self.health_listen,
            drain=self.drain,
            reflection=self.reflection,
            max_concurrent_rpcs=self.max_concurrent_rpcs,
            default_deadline=self.default_deadline,
        )

    def callers(self) -> CallerRegistry:
        """Who may call.

        Raises:
            CallersFileError: If the callers file cannot be used.
        """
        if self.callers_file is None:
            return CallerRegistry.loopback_only()
        return CallerRegistry.from_toml(self.callers_file)
