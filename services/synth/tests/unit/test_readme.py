from __future__ import annotations

from pathlib import Path

from mayfly_runtime.settings import ServerSettings
from mayfly_synth.config import SynthSettings

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_readme_has_the_settings_as_they_are() -> None:
    own = [
        one
        for one in SynthSettings.reference()
        if one.variable.removeprefix("MAYFLY_SYNTH_").lower() not in ServerSettings.model_fields
    ]
    rows = [f"| `{one.variable}` | {f'`{one.default}`' if one.default else ''} | {one.meaning} |" for one in own]

    assert [row for row in rows if row not in README] == []
    assert README.count("| `MAYFLY_SYNTH_") == len(rows)
