"""Runs of an import over one folder, and what they leave."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.importing.importer import Importer, Summary
from mayfly_storage.importing.journal import Entry, open_journal
from mayfly_storage.importing.patterns import Pattern
from mayfly_storage.importing.rules import Rule
from mayfly_storage.importing.taking import TakeFile, Wanted
from mayfly_storage.testing.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mayfly_runtime.offload import Offload
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.importing.journal import Journal, Outcome

WAV: Final = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0"
"""The shortest file that is a recording: no sound at all, in the right form."""


class Session:
    """One stage, and any number of runs over one folder."""

    def __init__(self, tmp_path: Path, pool: Offload) -> None:
        """Begin with a folder that is empty, and no report."""
        self.stage = Stage()
        self.folder, self.staging, self.report = tmp_path / "old", tmp_path / "staging", tmp_path / "report.jsonl"
        self.folder.mkdir()
        self.staging.mkdir()
        self.pool = pool
        self.told: list[Entry] = []
        """What the last run said of each file."""

    def file(self, path: str, body: bytes = WAV) -> Path:
        """A new file of the folder, or a file with other bytes."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
        return target

    async def run(self, collection: str = "temp-audio", pattern: str = "*", **facts: Any) -> Summary:
        """Import by one rule; `facts` are fields of Wanted."""
        return await self.follow([Rule(collection=collection, pattern=Pattern(pattern))], **facts)

    async def follow(self, rules: Sequence[Rule], **facts: Any) -> Summary:
        """Import by several rules."""
        self.told.clear()
        wanted = Wanted(folder=self.folder, rules=rules, **facts)
        with open_journal(self.report, dry_run=wanted.dry_run) as journal:
            return await Importer(take=self.take(journal), tell=self.told.append).run(wanted)

    def take(self, journal: Journal) -> TakeFile:
        """What takes one file over to the stage."""
        return TakeFile(
            store=self.stage.storage.store_file,
            draft=self.stage.world.draft,
            catalog=self.stage.memory.catalog,
            journal=journal,
            staging=self.staging,
            offload=self.pool,
            now=self.stage.clock.now,
        )

    def rows(self) -> list[Audio]:
        """All that was imported."""
        return list(self.stage.memory.catalog.rows.values())

    def lines(self) -> list[dict[str, Any]]:
        """The report of all runs."""
        return [json.loads(line) for line in self.report.read_text().splitlines()]

    def reasons(self) -> dict[str, str]:
        """Why, by path, in the last run."""
        return {entry.path: entry.reason for entry in self.told}

    def outcomes(self) -> dict[str, Outcome]:
        """What became of each path in the last run."""
        return {entry.path: entry.outcome for entry in self.told}

    def lying(self) -> set[str]:
        """The keys at which bytes lie."""
        return set(self.stage.memory.blobs.objects)
