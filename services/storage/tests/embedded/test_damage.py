"""R22: what the disk has damaged does not arrive whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from mayfly_storage.testing.linking import link_to

if TYPE_CHECKING:
    import asyncio
    import random
    from collections.abc import Awaitable, Callable

    from conftest import Disk
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing import Subject

    Save = Callable[..., Awaitable[Audio]]
    Heard = Callable[[str], asyncio.Event]

MIB = 1024 * 1024


@pytest.mark.parametrize("size", [1, 1_000, MIB + 1])
async def test_an_audio_with_a_flipped_bit_is_cut_off_before_its_end(
    embedded: Subject,
    save: Save,
    disk: Disk,
    http: httpx.AsyncClient,
    heard: Heard,
    size: int,
) -> None:
    reported = heard("link_damaged")
    for number in range(40):
        body = bytearray(b"%d" % number * size)[:size]
        audio = await save(embedded, body=bytes(body))
        body[size * number // 40] ^= 1 << number % 8
        disk.write(f"objects/{audio.object_key}", bytes(body))

        reported.clear()
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(await link_to(embedded, audio))

        assert reported.is_set()


async def test_an_audio_that_was_truncated_on_disk_is_not_served(
    embedded: Subject, save: Save, disk: Disk, http: httpx.AsyncClient, chance: random.Random
) -> None:
    for _ in range(20):
        body = chance.randbytes(5_000)
        audio = await save(embedded, body=body)
        disk.write(f"objects/{audio.object_key}", body[: chance.randrange(5_000)])

        assert (await http.get(await link_to(embedded, audio))).status_code == 404
