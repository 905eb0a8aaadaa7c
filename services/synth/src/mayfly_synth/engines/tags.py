"""The mark that tells people and machines that nobody said this.

One sentence in the comment of the file, the only tag that all containers have in common. Its end is the term of IPTC's
vocabulary of digital sources that search engines and archives look for. PCM, mu-law and A-law have no place for it.
"""

from __future__ import annotations

from typing import Final

DIGITAL_SOURCE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def mark(voice: str) -> str:
    """The comment of a file that a voice speaks in, in ASCII."""
    who = voice.encode("ascii", errors="replace").decode()
    return f"AI-generated speech by Mayfly, voice {who}. digitalSourceType={DIGITAL_SOURCE}"
