"""Where a fetched audio goes: a file, or standard output."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from mayfly_client._sync import Client
    from mayfly_client.cli.output import Output


@dataclass(frozen=True, slots=True)
class Target:
    """A file; or, without a path, standard output."""

    path: Path | None

    @classmethod
    def of(cls, given: str | None) -> Target | None:
        """What `-o` says; None if it was not given."""
        if given is None:
            return None
        if given == "-":
            return STDOUT
        path = Path(given)
        # Said before anything is spoken or fetched, so that nothing is done in vain.
        if not path.parent.is_dir():
            raise typer.BadParameter(f"{path}: the folder {path.parent} does not exist")
        return cls(path)

    def fetch(self, client: Client, name: str, out: Output, *, stream: bool = False) -> Path | None:
        """Fetch an audio, by its link or (`stream`) over gRPC; answers the file, or None for standard output."""
        download = client.download_stream if stream else client.download
        with out.transfer("Fetching") as progress:
            if self.path is not None:
                return download(name, self.path, progress=progress)
            data = download(name, progress=progress)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return None


STDOUT = Target(None)
"""Standard output."""
