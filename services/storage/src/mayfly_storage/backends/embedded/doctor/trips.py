"""Round trips: through a backend opened for them while storage does not run, and through its links while it does."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from uuid import uuid4

from mayfly_runtime.addresses import ListenError
from mayfly_storage.backends.embedded.backend import open_embedded
from mayfly_storage.backends.embedded.folder import DataFolderError
from mayfly_storage.backends.embedded.link_keys import LinkKeys, keys_from_file
from mayfly_storage.backends.embedded.links import audio_path
from mayfly_storage.domain.audio import AudioName
from mayfly_storage.domain.findings import Finding
from mayfly_storage.usecases.round_trips import NoHttpAnswerError, RoundTrips, doctors_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mayfly_storage.backends.embedded.doctor.patient import EmbeddedPatient
    from mayfly_storage.backends.embedded.options import EmbeddedOptions

_LIFE: Final = timedelta(minutes=1)
_REACH: Final = "Check MAYFLY_STORAGE_LINKS_LISTEN and MAYFLY_STORAGE_LINKS_URL, and the proxy in between."
_SETTINGS: Final = "Run doctor with the settings that storage runs with."


async def files(patient: EmbeddedPatient) -> Finding:
    """Row, upload, read, list, delete."""
    if patient.in_use:
        return Finding.skipped("storage runs; its health says whether rows and files can be used")
    # Links are another matter, and have a check of their own.
    anywhere = replace(patient.options, links=replace(patient.options.links, listen="127.0.0.1:0"))
    try:
        async with _opened(patient, anywhere) as trips:
            return await trips.through_storage()
    except (DataFolderError, ListenError) as error:
        return Finding.failed(str(error), "Mend that, then ask again.")


async def links(patient: EmbeddedPatient) -> Finding:
    """Grant, PUT, link, GET, delete; of a storage that runs, whether it knows links of ours."""
    if patient.in_use:
        return await _known_to_storage(patient)
    try:
        async with _opened(patient, patient.options) as trips:
            return await trips.through_links()
    except (DataFolderError, ListenError) as error:
        return Finding.failed(str(error), "Mend that, then ask again.")


@asynccontextmanager
async def _opened(patient: EmbeddedPatient, options: EmbeddedOptions) -> AsyncIterator[RoundTrips]:
    async with open_embedded(options, timing=patient.timing, now=patient.now) as backend:
        world = doctors_world(backend, collections=patient.collections, timing=patient.timing, now=patient.now)
        with tempfile.TemporaryDirectory(prefix="mayfly-doctor-") as scratch:
            yield RoundTrips(world=world, http=patient.http, scratch=Path(scratch))


async def _known_to_storage(patient: EmbeddedPatient) -> Finding:
    """A link to an audio that never was: 404 shows that its signature was believed, 403 that it was not."""
    path = audio_path(AudioName.new(patient.now(), uuid4()))
    end = int((patient.now() + _LIFE).timestamp())
    query = _keys(patient).sign("GET", path, {"exp": str(end)})
    base = patient.options.link_base_url.rstrip("/") or f"http://{patient.options.links.listen}"
    place = urlsplit(base).netloc
    try:
        answer = await patient.http("GET", f"{base}{path}?{query}")
    except NoHttpAnswerError as error:
        return Finding.failed(str(error), _REACH)
    if answer.status == 404:
        return Finding.ok(f"{place} answers, and knows links of ours")
    if answer.status == 403:
        return Finding.failed(f"{place} does not believe links that are signed with our key", _SETTINGS)
    return Finding.failed(f"{place} answers HTTP {answer.status}", _REACH)


def _keys(patient: EmbeddedPatient) -> LinkKeys:
    secrets = patient.options.link_secrets
    return LinkKeys(secrets) if secrets else keys_from_file(patient.folder.link_key)
