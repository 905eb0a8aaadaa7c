"""The command: serve, or say in a sentence why not."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys

from mayfly_gateway import app
from mayfly_gateway.config import GatewaySettings
from mayfly_runtime import logs
from mayfly_runtime.addresses import ListenError
from mayfly_runtime.heaps import share_heaps
from mayfly_runtime.settings import SettingsError

# What an operator can mend. Everything else is a fault of ours, and shows its traceback.
_CANNOT_START = (SettingsError, ListenError)

_log = logging.getLogger("mayfly.gateway")


def main() -> None:
    """Serve until SIGTERM or SIGINT. Exit code 2: it could not start, and standard error says why."""
    argparse.ArgumentParser(
        "mayfly-gateway",
        description="Serves Mayfly over HTTP. Everything is set by environment variables:",
        epilog=_settings(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    share_heaps()
    try:
        settings = GatewaySettings.load()
        logs.configure(level=settings.log_level, format=settings.log_format)
        _log.info("settings\n%s", settings.describe())
        asyncio.run(app.run(settings))
    except _CANNOT_START as error:
        sys.stderr.write(f"mayfly-gateway cannot start. {error}\n")
        sys.exit(2)


def _settings() -> str:
    told = GatewaySettings.reference()
    return "\n\n".join(f"{one.variable} ({one.default or 'not set'})\n    {one.meaning}" for one in told)
