"""StorageService over rows in memory and an S3 somewhere, which tells how late its event loop is.

`python -m bench.slow_store_server S3_URL` prints its port and the name of an audio, and serves. At SIGUSR1 it prints
the 99th percentile of its loop's lag since the last time, in milliseconds.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from statistics import quantiles

from bench.storage_server import OPTIONS, an_audio, now, serving, session
from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import memory_backend

_STEP = 0.005


class LagMeter:
    """Sleeps a little, again and again, and notes how much later it wakes."""

    def __init__(self) -> None:
        """Nothing is noted yet."""
        self._lags: list[float] = []

    async def run(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            await asyncio.sleep(_STEP)
            self._lags.append((loop.time() - begun - _STEP) * 1_000)

    def tell(self) -> None:
        """Print the percentile, and begin anew."""
        print(quantiles(self._lags, n=100)[-1] if len(self._lags) > 1 else 0.0, flush=True)
        self._lags.clear()


async def serve(url: str) -> None:
    """Until it is ended."""
    audio = an_audio()
    # A slow answer is waited for: what it does to others is what is asked.
    options = replace(OPTIONS, s3_endpoint_url=url, addressing_style="path", read_timeout=timedelta(seconds=10))
    async with AsyncExitStack() as stack:
        aws = await stack.enter_async_context(open_aws(options, timing=Timing(), now=now, session=session()))
        memory = memory_backend(now=now)
        memory.catalog.rows[audio.name] = audio
        port = await serving(stack, replace(memory.backend, stores=aws.stores))
        meter = LagMeter()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, meter.tell)
        print(port, audio.name, flush=True)
        await meter.run()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
