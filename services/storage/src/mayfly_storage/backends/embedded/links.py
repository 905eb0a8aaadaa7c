"""Signed links to storage's own link server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from mayfly_storage.domain.links import Guarantee, SignedUrl, UploadGrant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mayfly_storage.backends.embedded.link_keys import LinkKeys
    from mayfly_storage.domain.audio import Audio, AudioName
    from mayfly_storage.domain.links import LinkWish


def audio_path(name: AudioName) -> str:
    """Where the link server serves an audio."""
    return f"/audio/{name.date}/{name.audio_id}"


def upload_path(name: AudioName) -> str:
    """Where the link server takes an audio's bytes."""
    return f"/uploads/{name.date}/{name.audio_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HmacLinks:
    """A LinkSigner. Everything that a link allows stands in it, under its signature; the row still decides."""

    keys: LinkKeys
    base_url: str
    """Scheme, host and perhaps a port and a path; without a slash at the end."""
    now: Callable[[], datetime]

    async def sign_urls(self, wishes: Sequence[LinkWish]) -> list[SignedUrl | None]:
        """A GET link (which HEAD may use, too) for each wish; None for one that would be dead when it is born."""
        now = self.now()
        return [self._sign(wish, now) for wish in wishes]

    def _sign(self, wish: LinkWish, now: datetime) -> SignedUrl | None:
        end = _whole_seconds(wish.expire_time)
        if end <= now:
            return None
        path = audio_path(wish.audio.name)
        attachment = {"att": "1"} if wish.attachment else {}
        query = self.keys.sign("GET", path, {"exp": str(int(end.timestamp())), **attachment})
        return SignedUrl(url=f"{self.base_url}{path}?{query}", expire_time=end, limited_by=wish.limited_by)

    async def grant_upload(self, audio: Audio) -> UploadGrant:
        """The right to put the declared bytes; all guarantees are enforced."""
        end = _whole_seconds(audio.upload_deadline)
        path = upload_path(audio.name)
        facts = {
            "attempt": audio.attempt,
            "exp": str(int(end.timestamp())),
            "sha256": audio.sha256.hex(),
            "size": str(audio.size_bytes),
            "type": audio.content_type,
        }
        return UploadGrant(
            url=f"{self.base_url}{path}?{self.keys.sign('PUT', path, facts)}",
            headers={"Content-Type": audio.content_type, "Content-Length": str(audio.size_bytes)},
            expire_time=end,
            attempt=audio.attempt,
            enforced=(Guarantee.SIZE, Guarantee.CHECKSUM, Guarantee.CONTENT_TYPE, Guarantee.WRITE_ONCE),
        )


def _whole_seconds(time: datetime) -> datetime:
    """Rounded down: a link never outlives its wish."""
    return time.astimezone(UTC).replace(microsecond=0)
