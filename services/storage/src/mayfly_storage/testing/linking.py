"""A link for reading, as a caller of storage gets it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.links import LinkWish

if TYPE_CHECKING:
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing.contract import Subject

_HOUR: Final = timedelta(hours=1)


async def link_to(subject: Subject, audio: Audio, *, ttl: timedelta = _HOUR, attachment: bool = False) -> str:
    """A signed URL of an audio, for an hour unless it is said; the row need not exist."""
    wish = LinkWish(audio=audio, expire_time=subject.clock.now() + ttl, attachment=attachment)
    [signed] = await subject.links.sign_urls([wish])
    if signed is None:
        raise AssertionError(f"{audio.name} got no link")
    return signed.url
