"""What the checks may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mayfly_runtime.offload import Offload
    from mayfly_storage.backends.embedded.folder import DataFolder
    from mayfly_storage.backends.embedded.options import EmbeddedOptions
    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.timing import Timing
    from mayfly_storage.usecases.round_trips import Http


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedPatient:
    """A data folder, and how it is used."""

    options: EmbeddedOptions
    folder: DataFolder
    collections: Collections
    timing: Timing
    now: Callable[[], datetime]
    offload: Offload
    http: Http
    in_use: bool
    """Whether storage holds the folder: then nothing may be written into it from here."""
