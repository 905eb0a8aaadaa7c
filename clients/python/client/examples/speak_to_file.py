"""Speak a sentence into a file: `python speak_to_file.py "Hello." hello.wav`."""

from __future__ import annotations

import sys
from pathlib import Path

from mayfly_client import Client, MayflyError, ServerBusyError


def main(text: str, target: Path) -> int:
    """Speak, fetch, and tell what was kept."""
    with Client.from_env() as client:
        try:
            speech = client.speak(text, format="wav")
            client.download(speech.name, target)
        except ServerBusyError as error:
            print(f"busy; try again in {error.retry_after}", file=sys.stderr)
            return 1
        except MayflyError as error:
            print(f"{error}\n{error.remedy} [{error.reason}]", file=sys.stderr)
            return 1
    print(f"{target}: {speech.duration.total_seconds():.1f} s, kept as {speech.name} until {speech.expire_time}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
