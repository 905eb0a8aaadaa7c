"""Settings of a client. The only module that reads the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mayfly_client._channel import Tls

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_STORAGE = "127.0.0.1:50051"
DEFAULT_SYNTH = "127.0.0.1:50061"
DEFAULT_SWEEPER = "127.0.0.1:50071"
DEFAULT_TIMEOUT = 30.0


class ConfigError(ValueError):
    """The environment does not make sense. The message lists every problem with its variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Where the servers are, and who calls."""

    storage: str = DEFAULT_STORAGE
    """`MAYFLY_STORAGE_TARGET`: address of storage, `host:port` or a gRPC target such as `dns:///storage:50051`."""
    synth: str = DEFAULT_SYNTH
    """`MAYFLY_SYNTH_TARGET`: address of synth."""
    sweeper: str = DEFAULT_SWEEPER
    """`MAYFLY_SWEEPER_TARGET`: address of the sweeper."""
    token: str | None = field(default=None, repr=False)
    """`MAYFLY_TOKEN`, or the content of the file that `MAYFLY_TOKEN_FILE` names: bearer token of the caller."""
    tls: Tls | None = None
    """`MAYFLY_TLS`, `MAYFLY_TLS_CA_FILE`, `MAYFLY_TLS_CERT_FILE`, `MAYFLY_TLS_KEY_FILE`: TLS with the usual authorities
    (`on`), or with own authorities or an own certificate; any of the files switches it on."""
    timeout: float = DEFAULT_TIMEOUT
    """`MAYFLY_TIMEOUT`: seconds for a call; transfers and streams have ten times as long."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> ClientSettings:
        """Read the environment.

        Raises:
            ConfigError: One or more variables make no sense; all of them are listed.
        """
        reader = _Reader(os.environ if environ is None else environ)
        settings = cls(
            storage=reader.text("MAYFLY_STORAGE_TARGET") or DEFAULT_STORAGE,
            synth=reader.text("MAYFLY_SYNTH_TARGET") or DEFAULT_SYNTH,
            sweeper=reader.text("MAYFLY_SWEEPER_TARGET") or DEFAULT_SWEEPER,
            token=reader.token(),
            tls=reader.tls(),
            timeout=reader.seconds("MAYFLY_TIMEOUT", DEFAULT_TIMEOUT),
        )
        reader.raise_problems()
        return settings


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._problems: list[str] = []

    def text(self, name: str) -> str | None:
        """The value; None if it is not set or empty."""
        return self._environ.get(name, "").strip() or None

    def seconds(self, name: str, default: float) -> float:
        """A positive number."""
        if (given := self.text(name)) is None:
            return default
        try:
            value = float(given)
        except ValueError:
            value = 0.0
        if not 0 < value < float("inf"):
            self._problems.append(f"{name}={given!r}: expected a positive number of seconds, e.g. 30")
            return default
        return value

    def token(self) -> str | None:
        """The token itself, or the content of its file."""
        token, file = self.text("MAYFLY_TOKEN"), self.file("MAYFLY_TOKEN_FILE")
        if token and file:
            self._problems.append("MAYFLY_TOKEN and MAYFLY_TOKEN_FILE are both set: expected one of them")
        return file.read_text(encoding="utf-8").strip() if file and not token else token

    def tls(self) -> Tls | None:
        """TLS if it is switched on, or any of its files is named."""
        wanted = (self.text("MAYFLY_TLS") or "off").lower()
        if wanted not in {"on", "off"}:
            self._problems.append(f"MAYFLY_TLS={wanted!r}: expected on or off")
        ca, cert, key = (self.file(f"MAYFLY_TLS_{kind}_FILE") for kind in ("CA", "CERT", "KEY"))
        if (cert is None) != (key is None):
            self._problems.append("MAYFLY_TLS_CERT_FILE and MAYFLY_TLS_KEY_FILE: expected both or none of them")
        return Tls(ca_file=ca, cert_file=cert, key_file=key) if wanted == "on" or ca or cert or key else None

    def file(self, name: str) -> Path | None:
        """A file that exists."""
        if (given := self.text(name)) is None:
            return None
        if not Path(given).is_file():
            self._problems.append(f"{name}={given!r}: expected a file that exists")
            return None
        return Path(given)

    def raise_problems(self) -> None:
        """Raise if anything was wrong."""
        if self._problems:
            raise ConfigError("wrong settings:\n" + "\n".join(f"  {problem}" for problem in self._problems))
