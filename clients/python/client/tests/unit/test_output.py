"""What a terminal shows, however narrow it is."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import pytest
from rich.console import Console

from mayfly_client.cli.output import Output

NAME = "audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479"
LINK = "http://127.0.0.1:50080/" + "x" * 300


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTerminal(Output):
    """An output whose terminal has a known width."""

    width: int
    screen: io.StringIO = field(default_factory=io.StringIO)

    def _console(self) -> Console:
        return Console(width=self.width, file=self.screen, force_terminal=True, color_system=None)


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_a_table_shows_each_cell_whole(width: int) -> None:
    out = OnTerminal(width=width)

    out.table(("name", "collection", "expires"), [(NAME, "speech-sessions", "2025-12-09 12:00:00 UTC")])

    (row,) = [line for line in out.screen.getvalue().splitlines() if NAME in line]
    assert row.split()[0] == NAME
    assert "speech-sessions" in row
    assert row.rstrip().endswith("2025-12-09 12:00:00 UTC")


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_facts_show_each_value_and_the_link_whole(width: int) -> None:
    out = OnTerminal(width=width)

    out.facts("Spoken", {"name": NAME, "voice": "en_US-lessac-medium"}, link=LINK)

    lines = out.screen.getvalue().splitlines()
    assert any(NAME in line for line in lines)
    assert any(LINK in line for line in lines)


def test_a_frame_is_drawn_only_where_it_fits() -> None:
    narrow, wide = OnTerminal(width=60), OnTerminal(width=80)

    for out in (narrow, wide):
        out.facts("Spoken", {"name": NAME})

    assert narrow.screen.getvalue() == f"Spoken\nname: {NAME}\n"
    assert wide.screen.getvalue().startswith("╭─ Spoken")
