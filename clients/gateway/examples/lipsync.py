"""System B's flow: speak, and hand the link to a service that makes lips move to it.

    python lipsync.py https://videos.example.org/face.mp4 "Hello there."

The other service gets a link and no credentials: it can fetch this one file for two hours, and nothing else ever.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import httpx

_LINK_SECONDS = 7_200


@dataclass(frozen=True, slots=True, kw_only=True)
class Lipsync:
    """The two services of the flow."""

    gateway: str
    """Base URL of Mayfly's gateway."""
    token: str
    """Our bearer token there."""
    lipsync: str
    """Base URL of the other service."""
    api_key: str
    """Our key there."""

    def create(self, http: httpx.Client, *, video_url: str, text: str) -> dict[str, Any]:
        """Speak a text and have the video made; answers what the other service says."""
        spoken = http.post(
            f"{self.gateway}/api/v1/tts/generate",
            json={"text": text, "use_s3": True, "presigned_url_expiry": _LINK_SECONDS},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        spoken.raise_for_status()
        made = http.post(
            f"{self.lipsync}/api/v1/lipsync/create-from-tts",
            json={
                "video_url": video_url,
                "tts_audio_url": spoken.json()["first_audio_url"],
                "api_key": self.api_key,
            },
        )
        made.raise_for_status()
        answer: dict[str, Any] = made.json()
        return answer


def main(video_url: str, text: str) -> None:
    """Run the flow against services of this machine."""
    flow = Lipsync(
        gateway="http://127.0.0.1:50088", token="", lipsync="http://127.0.0.1:8000", api_key="made-up-for-the-example"
    )
    with httpx.Client(timeout=60) as http:
        print(flow.create(http, video_url=video_url, text=text))


if __name__ == "__main__":
    main(*sys.argv[1:])
