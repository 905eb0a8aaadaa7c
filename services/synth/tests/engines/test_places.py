"""Each worker computes on its own processor, where there are as many."""

from __future__ import annotations

import dataclasses
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from mayfly_synth.cores import processors
from mayfly_synth.domain.call import Call
from mayfly_synth.domain.utterance import Utterance
from mayfly_synth.engines.places import Places
from mayfly_synth.engines.sessions import open_wide_sessions, wide_voice
from mayfly_synth.testing import piper_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mayfly_runtime.offload import Offload
    from mayfly_synth.domain.speech import Delivery
    from mayfly_synth.engines.voice_folder import LoadedVoice

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no such choice")

several = pytest.mark.skipif(len(processors()) < 2, reason="there is one processor")


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    """One of its own: what is settled is settled for a thread, and not for the tests."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def asked(move: Callable[[], None]) -> frozenset[int]:
    move()
    return processors()


@several
def test_each_worker_has_its_own_processor() -> None:
    there = sorted(processors())
    places, together = Places(there), Barrier(len(there))

    def own(_: int) -> frozenset[int]:
        together.wait(timeout=30)  # so that each thread takes one
        return asked(places.take_own)

    with ThreadPoolExecutor(len(there)) as pool:
        taken = list(pool.map(own, there))

    assert sorted(taken, key=min) == [{one} for one in there]


@several
def test_a_worker_keeps_its_own_and_takes_the_first_one_while_others_help(thread: ThreadPoolExecutor) -> None:
    there = sorted(processors())
    places = Places(there)
    thread.submit(places.take_own).result()
    with ThreadPoolExecutor(1) as other:
        seen = [
            other.submit(asked, move).result()
            for move in (places.take_own, places.take_first, places.take_own, places.leave)
        ]

    assert seen == [{there[1]}, {there[0]}, {there[1]}, frozenset(there)]


@several
def test_the_thread_that_serves_stays_free(thread: ThreadPoolExecutor) -> None:
    before = processors()

    thread.submit(Places(before).take_own).result()

    assert processors() == before


@pytest.mark.parametrize(
    ("workers", "there", "helpers"),
    [
        pytest.param(2, {0, 1}, "2", id="as many"),
        pytest.param(3, {4, 6, 5}, "6;7", id="as many, of more"),
        pytest.param(2, {0, 1, 2}, "", id="more processors"),
        pytest.param(2, {3}, "", id="fewer processors"),
        pytest.param(1, {0}, "", id="one"),
        pytest.param(2, set[int](), "", id="unknown"),
    ],
)
def test_places_are_given_where_there_are_as_many_processors_as_workers(
    workers: int, there: set[int], helpers: str
) -> None:
    assert Places.for_workers(workers, processors=there).of_helpers(workers) == helpers


def test_helpers_that_are_not_as_many_as_the_other_processors_have_no_places() -> None:
    assert Places((0, 1)).of_helpers(4) == ""


def test_where_the_system_chooses_nothing_is_asked_of_it(thread: ThreadPoolExecutor) -> None:
    before = processors()

    assert [
        thread.submit(asked, move).result() for move in (Places().take_own, Places().take_first, Places().leave)
    ] == [before, before, before]


def test_processors_that_may_not_be_used_any_more_are_no_error(thread: ThreadPoolExecutor) -> None:
    before = processors()

    assert thread.submit(asked, Places((4000, 4001)).take_own).result() == before


class Noted(Places):
    """Moves nobody, and notes who would have moved in which thread."""

    def __init__(self) -> None:
        super().__init__()
        self.moves: list[tuple[str, str]] = []

    def take_own(self) -> None:
        self.moves.append(("own", threading.current_thread().name))

    def take_first(self) -> None:
        self.moves.append(("first", threading.current_thread().name))

    def leave(self) -> None:
        self.moves.append(("leave", threading.current_thread().name))


@pytest.mark.parametrize(("in_haste", "place"), [(False, "own"), (True, "first")])
async def test_an_utterance_is_computed_at_the_place_of_its_worker(
    shipped: LoadedVoice,
    offload: Offload,
    delivery: Delivery,
    in_haste: bool,  # noqa: FBT001 - a table
    place: str,
) -> None:
    places = Noted()
    engine = piper_engine([dataclasses.replace(shipped, wide=shipped.piper)], offload, places=places)
    noisy = dataclasses.replace(delivery, noise_scale=0.3)

    spoken = await engine.speak(Utterance.of("One."), noisy, call=Call(in_haste=in_haste))

    assert spoken.pcm
    [(taken, by)] = places.moves
    assert (taken, by.rpartition("_")[0]) == (place, "offload-speech")


def test_where_a_voice_is_tried_is_where_it_will_speak(shipped: LoadedVoice, voices_dir: Path) -> None:
    places, times = Noted(), iter(range(1_000))

    wide_voice(
        shipped.piper, voices_dir / "en_US-mayfly-low.onnx", threads=2, places=places, monotonic=lambda: next(times)
    )

    assert [move for move, _ in places.moves] == ["first", "leave"]


@several
def test_the_threads_that_help_have_the_other_processors(voices_dir: Path) -> None:
    pair = sorted(processors())[:2]
    before = set(threads())

    model = voices_dir / "en_US-mayfly-low.onnx"
    session = next(open_wide_sessions(model, threads=2, helpers=Places(pair).of_helpers(2)))

    bound = [there for thread, there in threads().items() if thread not in before and there != processors()]
    assert session.get_inputs()
    # One for each of the two parts, which never run at the same time.
    assert bound == [{pair[1]}] * 2


def threads() -> dict[int, set[int]]:
    """Threads of this process, and where each may run. Others than ours come and go while one looks, as gRPC's do."""
    found = {}
    for path in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):
            found[int(path.name)] = os.sched_getaffinity(int(path.name))
    return found
