"""Draws what speech does: `python -m bench.speech_curves FOLDER` measures, and writes SVG files.

For each voice: seconds of audio in a second, and the wait for the first sound, by callers, beside the peers; the
wait for the first sound by the length of the text; and the memory of synth over 2,000 requests.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from rich.console import Console

from bench import first_sound, speech_soak
from bench.line_chart import LineChart
from bench.speech_load import Voice, voices
from bench.speech_peers import measure
from bench.speech_servers import http_server, synth_server, wyoming_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.speech_load import Load

CALLERS: Final = (1, 2, 4, 8, 16)
ROUNDS: Final = 3
Charts = dict[str, LineChart]


def by_callers(voice: Voice) -> Charts:
    """Beside the peers."""
    with ExitStack() as stack:
        servers = [stack.enter_context(make(voice.model)) for make in (synth_server, http_server, wyoming_server)]

        async def all_callers() -> dict[int, dict[str, list[Load]]]:
            return {callers: await measure(servers, voice, callers, rounds=ROUNDS) for callers in CALLERS}

        found = asyncio.run(all_callers())
    names = [server.name for server in servers]
    speed = {
        name: [
            (float(callers), median(load.audio_per_second for load in loads[name])) for callers, loads in found.items()
        ]
        for name in names
    }
    first = {
        name: [(float(callers), median(load.first for load in loads[name]) * 1e3) for callers, loads in found.items()]
        for name in names
    }
    return {
        f"speech-{voice.size}": chart(f"Speech in a second, {voice.size} voice", "callers", "s of audio / s", speed),
        f"first-sound-{voice.size}": chart(f"Wait for the first sound, {voice.size} voice", "callers", "ms", first),
    }


def by_sentences(voice: Voice) -> Charts:
    """Beside the inference of the first sentence alone."""
    with synth_server(voice.model) as server:
        first, alone = asyncio.run(first_sound.measure(server.say, voice))
    limit = min(median(taken[1:]) for taken in alone.values()) * 1e3
    waits = [(float(sentences), median(taken[1:]) * 1e3) for sentences, taken in first.items()]
    series = {"Mayfly": waits, "first sentence alone": [(sentences, limit) for sentences, _ in waits]}
    title = f"Wait for the first sound, one caller, {voice.size} voice"
    return {f"first-sentence-{voice.size}": chart(title, "sentences of the text", "ms", series)}


def over_requests() -> Charts:
    """What synth has in memory."""
    points = [(float(requests), mib) for requests, mib, _ in speech_soak.measure()]
    memory = LineChart(
        title="Memory of synth over requests",
        x_name="requests",
        y_name="MiB",
        series={"resident": points},
        is_logarithmic=False,
        marks=[x for x, _ in points[7::8]],
    )
    return {"speech-memory": memory}


def chart(title: str, x_name: str, y_name: str, series: dict[str, list[tuple[float, float]]]) -> LineChart:
    """Some curves."""
    return LineChart(title=title, x_name=x_name, y_name=y_name, series=series)


def charts() -> Iterator[Charts]:
    """All of them, one after the other."""
    for voice in voices():
        yield by_callers(voice)
        yield by_sentences(voice)
    yield over_requests()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and draw."""
    parser = argparse.ArgumentParser(prog="python -m bench.speech_curves", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    folder: Path = parser.parse_args(arguments).folder
    console = Console(stderr=True)
    for drawn in charts():
        for name, each in drawn.items():
            path = folder / f"performance-{name}.svg"
            path.write_text(each.svg(), encoding="utf-8")
            console.print(f"wrote {path}")


if __name__ == "__main__":
    main()
