"""The limit: bare PiperVoice, no RPC, no encoding.

`python -m bench.piper_loop WORKERS THREADS ROUNDS [MODEL]` prints its speed.

WORKERS loops side by side, each inference on THREADS threads. Prints seconds of audio made in a second. Without a
MODEL, by the shipped voice.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onnxruntime
from piper import PiperVoice

from bench.texts import PARAGRAPHS

SHIPPED = Path(__file__).resolve().parent.parent / "voices/en_US-mayfly-low.onnx"


def load(threads: int, model: Path = SHIPPED) -> PiperVoice:
    """A voice on so many threads."""
    voice = PiperVoice.load(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    voice.session = onnxruntime.InferenceSession(str(model), sess_options=options, providers=["CPUExecutionProvider"])
    return voice


def speak(voice: PiperVoice, text: str) -> float:
    """Speak a text; seconds of audio."""
    return sum(len(chunk.audio_int16_bytes) / 2 / chunk.sample_rate for chunk in voice.synthesize(text))


def main() -> None:
    """Warm up, then speak all paragraphs so many times."""
    workers, threads, rounds = map(int, sys.argv[1:4])
    voice = load(threads, *map(Path, sys.argv[4:]))
    speak(voice, PARAGRAPHS[0])
    begun = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        audio = sum(pool.map(lambda text: speak(voice, text), PARAGRAPHS * rounds))
    print(audio / (time.perf_counter() - begun))


if __name__ == "__main__":
    main()
