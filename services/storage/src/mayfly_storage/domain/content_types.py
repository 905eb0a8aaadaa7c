"""The content types that collections may take, and the file name extension of each."""

from __future__ import annotations

EXTENSIONS: dict[str, str] = {
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "audio/m4a": "m4a",  # not registered, but what the recordings' apps send (system C)
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/x-caf": "caf",
    "audio/aiff": "aiff",
    "audio/webm": "webm",
    "audio/L16": "pcm",
    "audio/basic": "ulaw",
    "audio/x-alaw-basic": "alaw",
    "application/octet-stream": "bin",  # copies for diagnosis of what nobody could read
}
