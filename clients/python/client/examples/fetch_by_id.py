"""Fetch an audio by its name into a folder: `python fetch_by_id.py audio/2025-12-08/f47ac10b-... .`."""

from __future__ import annotations

import sys
from pathlib import Path

from mayfly_client import AudioNotFoundError, Client


def main(name: str, folder: Path) -> int:
    """Show what is known about the audio, then fetch it under its own file name."""
    with Client.from_env() as client:
        try:
            audio = client.get(name)
        except AudioNotFoundError as error:
            # Expired audio is not found, whether or not it was swept.
            print(f"{error.metadata['name']} is gone, or never was", file=sys.stderr)
            return 1
        path = client.download(name, folder, progress=lambda done, total: print(f"{done:,} of {total:,} bytes"))
    print(f"{path}: {audio.content_type}, from {audio.collection}, spoken by {audio.voice or 'nobody'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
