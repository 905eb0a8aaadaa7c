"""A process of its own that hears: samples of 16 kHz on standard input, words on standard output.

PocketSphinx holds the interpreter's lock while it listens, so in the server's process everybody would wait for it.
"""

from __future__ import annotations

import sys
from typing import Final

import pocketsphinx

_RATE: Final = 16_000


def main() -> None:
    """Hear one stretch of speech after the other."""
    decoder = pocketsphinx.Decoder(samprate=_RATE, loglevel="FATAL")
    for segment in pocketsphinx.Segmenter(sample_rate=_RATE).segment(sys.stdin.buffer):
        decoder.start_utt()
        decoder.process_raw(segment.pcm, full_utt=True)
        decoder.end_utt()
        if heard := decoder.hyp():
            sys.stdout.write(f"{heard.hypstr} ")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
