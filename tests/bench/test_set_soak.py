"""What the soak of the whole set takes for a child that was left dead."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bench.set_soak import Soak, look
from tools.stack.processes import Running
from tools.stack.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

THIS = Record(backend="any", processes=(Running(name="this", pid=os.getpid(), started=""),))


@pytest.fixture
def dead() -> Iterator[subprocess.Popen[bytes]]:
    """A child that has ended, and that nobody has looked after yet."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        yield child


def test_a_child_that_is_about_to_be_looked_after_is_not_left_dead(dead: subprocess.Popen[bytes]) -> None:
    soak = Soak()

    look(soak, THIS)
    dead.wait()
    look(soak, THIS)

    assert soak.dead == 0


@pytest.mark.usefixtures("dead")
def test_one_that_is_still_dead_at_the_next_glance_is() -> None:
    soak = Soak()

    look(soak, THIS)
    look(soak, THIS)

    assert soak.dead == 1
