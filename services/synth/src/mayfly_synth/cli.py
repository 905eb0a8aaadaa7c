"""The command: serve, or say in a sentence why not."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys

from mayfly_runtime import logs
from mayfly_runtime.callers_file import CallersFileError
from mayfly_runtime.heaps import share_heaps
from mayfly_runtime.server import ListenError
from mayfly_runtime.settings import SettingsError
from mayfly_runtime.tls import TlsFilesError
from mayfly_synth import app
from mayfly_synth.config import SynthSettings
from mayfly_synth.engines.ffmpeg import FfmpegError
from mayfly_synth.engines.sphinx import TranscriberUnavailableError
from mayfly_synth.engines.voice_folder import VoiceFolderError

# What an operator can mend. Everything else is a fault of ours, and shows its traceback.
_CANNOT_START = (
    SettingsError,
    ListenError,
    CallersFileError,
    TlsFilesError,
    VoiceFolderError,
    FfmpegError,
    TranscriberUnavailableError,
)

_log = logging.getLogger("mayfly.synth")


def main() -> None:
    """Serve until SIGTERM or SIGINT. Exit code 2: it could not start, and standard error says why."""
    argparse.ArgumentParser(
        "mayfly-synth",
        description="Turns text into speech. Everything is set by environment variables:",
        epilog=_settings(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    share_heaps()
    try:
        settings = SynthSettings.load()
        logs.configure(level=settings.log_level, format=settings.log_format)
        _log.info("settings\n%s", settings.describe())
        asyncio.run(app.run(settings))
    except _CANNOT_START as error:
        sys.stderr.write(f"mayfly-synth cannot start. {error}\n")
        sys.exit(2)


def _settings() -> str:
    told = SynthSettings.reference()
    return "\n\n".join(f"{one.variable} ({one.default or 'not set'})\n    {one.meaning}" for one in told)
