"""Settings of the sweeper: `MAYFLY_SWEEPER_*`. The only module that reads the environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path  # noqa: TC003 - pydantic reads the annotations
from typing import ClassVar, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from mayfly_client.channel import Tls
from mayfly_runtime.settings import Duration, ServerSettings
from mayfly_sweeper.domain.items import MAX_BATCH
from mayfly_sweeper.domain.sweep import SweepOrder


class SweeperSettings(ServerSettings):
    """What both doors of the sweeper need: the one-shot command and the server."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix="MAYFLY_SWEEPER_")

    listen: str = "127.0.0.1:50071"
    """Address of SweeperService; for `serve`."""

    retention_target: str = Field(default="127.0.0.1:50052", min_length=1)
    """Address of storage's RetentionService, as a gRPC target. Not the port that everybody calls."""

    token: SecretStr | None = None
    """Bearer token with which the sweeper shows storage who it is. Needs TLS, or a loopback address."""

    retention_tls: bool = False
    """Whether storage is called over TLS."""

    retention_tls_ca: Path | None = None
    """PEM file of the authorities that sign storage's certificate. Default: the well-known ones."""

    retention_tls_cert: Path | None = None
    """PEM file of the sweeper's client certificate, where storage knows callers by certificate (mTLS)."""

    retention_tls_key: Path | None = None
    """PEM file of the key of that certificate."""

    time_budget: Duration = Field(default=timedelta(minutes=5), ge=timedelta(seconds=1))
    """After this time a sweep stops between two pages, and the next one goes on. Stay below the schedule's period."""

    max_delete_count: int = Field(default=0, ge=0)
    """Guard: a sweep that finds more than this deletes nothing. 0: no limit. A limit costs a second listing."""

    max_delete_ratio: float = Field(default=0, ge=0, le=1)
    """Guard: a sweep that finds more than this share of the objects deletes nothing. 0: no limit. Costs as above."""

    max_clock_skew: Duration = Field(default=timedelta(minutes=5), gt=timedelta(0))
    """Guard: a sweep deletes nothing while the store's clock and this machine's are further apart."""

    page_size: int = Field(default=MAX_BATCH, ge=1, le=MAX_BATCH)
    """Items of a page and of a batch. Smaller ones cost more calls, and stop sooner when asked to."""

    call_timeout: Duration = Field(default=timedelta(seconds=60), ge=timedelta(seconds=1))
    """End of each call to storage. A batch of 1,000 deletions must fit into it."""

    remembered_sweeps: int = Field(default=100, ge=1)
    """How many sweeps `serve` can tell about; older ones are forgotten."""

    @model_validator(mode="after")
    def _client_tls_is_complete(self) -> Self:
        if (self.retention_tls_cert is None) != (self.retention_tls_key is None):
            raise ValueError("retention_tls_cert and retention_tls_key belong together: give both, or neither")
        if not self.retention_tls and (self.retention_tls_ca or self.retention_tls_cert):
            raise ValueError("retention_tls_ca and retention_tls_cert need MAYFLY_SWEEPER_RETENTION_TLS=true")
        return self

    def tls_to_storage(self) -> Tls | None:
        """How storage is trusted; None for plaintext."""
        if not self.retention_tls:
            return None
        return Tls(ca_file=self.retention_tls_ca, cert_file=self.retention_tls_cert, key_file=self.retention_tls_key)

    def order(self) -> SweepOrder:
        """What a sweep does unless it is asked for something else."""
        return SweepOrder(
            time_budget=self.time_budget,
            max_delete_count=self.max_delete_count,
            max_delete_ratio=self.max_delete_ratio,
        )
