"""Speak a text into a file for each sentence, with a link to each: `python tts_s3_example.py "Hello. Goodbye." ada`.

The same program whether storage keeps audio in S3 (`MAYFLY_STORAGE_BACKEND=aws`, or `USE_S3_STORAGE=true` as it was
called before) or in files of its own: that is storage's to know, and links play either way.
"""

from __future__ import annotations

import sys
import time

from mayfly_client import Client, MayflyError


def main(text: str, user_id: str) -> int:
    """Speak, and print what a player needs."""
    with Client.from_env() as client:
        try:
            info = client.storage_info()
            speech = client.speak(
                text,
                file_per_segment=True,
                collection="speech-sessions",
                key_fields={"session_id": f"{time.time():.0f}_{user_id}"},
                user_id=user_id,
                url_ttl=3_600,
            )
        except MayflyError as error:
            print(f"{error}\n{error.remedy} [{error.reason}]", file=sys.stderr)
            return 1
    print(f"kept in {f's3://{info.bucket}' if info.backend == 'aws' else 'files of storage'}")
    for segment in speech.segments:
        audio = segment.audio
        if audio is not None:
            print(f"{audio.object_key} until {audio.url_expire_time}: {segment.graphemes}\n  {audio.url}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
