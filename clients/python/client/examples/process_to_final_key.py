"""Clean a recording up, straight to its final place: `python process_to_final_key.py take.wav p1`."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

from mayfly_client import Client, MayflyError, UnavailableError


def main(source: Path, pitch_id: str) -> int:
    """Process; where synth cannot be reached, keep the recording as it is, so that nothing is lost."""
    final = {"pitch_id": pitch_id, "filename": "transcoded_file.mp3"}
    request_id = str(uuid.uuid4())  # the same for every try: however often it is sent, one audio is kept
    with Client.from_env() as client:
        try:
            made = client.process_audio(
                source, preset="transcoded", collection="pitches", key_fields=final, request_id=request_id
            )
        except UnavailableError:
            # The way in two steps: save the original now, process it by its name later.
            kept = client.save(source, collection="pitches", key_fields={"pitch_id": pitch_id})
            print(f"{kept.name} is kept as it is; process it later with process_audio({kept.name!r})")
            return 0
        except MayflyError as error:
            print(f"{error}\n{error.remedy} [{error.reason}]", file=sys.stderr)
            return 1
    if made.direct_upload:
        # It lies at its final key: there is no second upload to make, and no temporary file to clean up.
        print(f"{made.object_key}: {made.duration.total_seconds():.1f} s, {made.audio.size_bytes:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
