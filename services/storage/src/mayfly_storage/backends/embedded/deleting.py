"""D2 on files: a name goes if it is still the expected file's, and is reported gone only when that is on disk."""

from __future__ import annotations

import logging
import stat
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mayfly_storage.backends.embedded import files
from mayfly_storage.domain.ports import DeleteOutcome

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mayfly_storage.backends.embedded.keys_on_disk import KeyPaths
    from mayfly_storage.domain.ports import BlobTarget

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Deletion:
    """One call's worth of deletions."""

    paths: KeyPaths
    names: threading.Lock
    """Held while a name is made or taken away."""
    in_time: Callable[[], bool]
    """Whether it may still be deleted; asked while `names` is held."""
    outcomes: list[DeleteOutcome] = field(default_factory=list)
    _touched: defaultdict[Path, list[int]] = field(default_factory=lambda: defaultdict(list))

    def run(self, targets: Sequence[BlobTarget]) -> list[DeleteOutcome]:
        """An outcome for each, in order."""
        for target in targets:
            self.outcomes.append(self._try(target))
        for folder, places in self._touched.items():
            if not self._settle(folder):
                for place in places:
                    self.outcomes[place] = DeleteOutcome.FAILED
        return self.outcomes

    def _try(self, target: BlobTarget) -> DeleteOutcome:
        path = self.paths.find(target.key)
        if path is None:
            return DeleteOutcome.DELETED  # nothing can lie there
        try:
            with self.names:
                outcome = _delete(path, target.etag) if self.in_time() else DeleteOutcome.FAILED
        except OSError as error:
            logger.warning("blobs.not_deleted", extra={"cause": error.strerror})
            return DeleteOutcome.FAILED
        if outcome is DeleteOutcome.DELETED:
            self._touched[path.parent].append(len(self.outcomes))
        return outcome

    def _settle(self, folder: Path) -> bool:
        """Make the deletions in a folder durable, and remove it if that was all."""
        try:
            _sync_nearest(self.paths.root, folder)
        except OSError as error:
            logger.warning("blobs.deletion_not_durable", extra={"cause": error.strerror})
            return False
        with self.names:
            files.prune_folders(self.paths.root, folder)
        return True


def _delete(path: Path, etag: str | None) -> DeleteOutcome:
    try:
        there = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return DeleteOutcome.DELETED
    if not stat.S_ISREG(there.st_mode):
        return DeleteOutcome.DELETED  # a folder of longer keys: no bytes lie at this one
    if etag not in {None, files.etag_of(there)}:
        return DeleteOutcome.CHANGED
    path.unlink()
    return DeleteOutcome.DELETED


def _sync_nearest(root: Path, folder: Path) -> None:
    """Another deletion may have removed the folder meanwhile; then the one above has to know."""
    while True:
        try:
            files.sync_folder(folder)
        except (FileNotFoundError, NotADirectoryError):
            if folder == root:
                raise
            folder = folder.parent
        else:
            return
