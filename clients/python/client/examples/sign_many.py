"""Print a link to everything of a collection, five minutes long: `python sign_many.py temp-audio`."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from mayfly_client import AsyncClient, SignedUrl


async def main(collection: str) -> int:
    """List, sign in batches of 1,000, and tell apart what could be signed and what could not."""
    async with AsyncClient.from_env() as client:
        names = [audio.name async for audio in client.list(collection=collection)]
        outcomes = await client.sign(names, ttl=timedelta(minutes=5))
    failed = 0
    for outcome in outcomes:
        if isinstance(outcome, SignedUrl):
            # `url` is the secret; str(outcome) would show it without its signature.
            print(outcome.url, f"until {outcome.expire_time:%H:%M:%S}, limited by {outcome.limited_by}")
        else:
            failed += 1
            print(f"{outcome.name}: {outcome.message} [{outcome.reason}]", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
