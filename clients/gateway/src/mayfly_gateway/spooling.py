"""An uploaded form's file as a file with a name, for what reads it twice."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.datastructures import UploadFile


@asynccontextmanager
async def spooled(file: UploadFile) -> AsyncIterator[Path]:
    """The upload in a file of its own, for as long as the block runs. Empty uploads are empty files."""
    with tempfile.NamedTemporaryFile(prefix="mayfly-upload-") as copy:
        await asyncio.to_thread(shutil.copyfileobj, file.file, copy)
        await asyncio.to_thread(copy.flush)
        yield Path(copy.name)
