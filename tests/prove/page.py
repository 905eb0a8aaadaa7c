"""The report: one page of HTML that needs nothing else, to be read on paper; and the same as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from html import escape
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from tests.prove.picture import histogram, moment, timeline
from tests.prove.scenario import BOUND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.prove.days import Outcome

_STYLE: Final = """
body{font:14px/1.4 sans-serif;color:#24292f;max-width:60em;margin:2em auto;padding:0 1em}
h1{font-size:1.4em;margin-bottom:0}h2{font-size:1.15em;margin:1.2em 0 .3em}
table{border-collapse:collapse;margin:.3em 2em .3em 0;display:inline-table;vertical-align:top;font-size:12px}
td{padding:1px 10px 1px 0}td.n{text-align:right;font-variant-numeric:tabular-nums}
.kept{background:#dafbe1}.broken{background:#ffebe9}.verdict{padding:.5em 1em;font-weight:bold}
svg{width:100%;height:auto}@media print{body{margin:0;max-width:none}section{break-inside:avoid-page}}
"""


_INTRODUCTION: Final = f"""<p>Storage and sweeper ran as they are, over virtual time, while callers and machines failed
on purpose. An auditor who knows only what callers were told compared it with everything that was stored: at every
tick, and a second before and on the second of each audio's end. <b>Two promises</b>: audio that was acknowledged can be
read until its end, and not later; and its bytes are gone within {BOUND // timedelta(minutes=1)} minutes after they are
due, with one run of the sweeper missed. While the store itself does not answer, nobody can delete: its bound counts
from the end of the outage.</p>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is filed."""

    outcomes: Sequence[Outcome]
    made_at: datetime
    versions: Mapping[str, str]

    @property
    def is_kept(self) -> bool:
        """Whether every promise was, everywhere."""
        return all(each.is_kept for each in self.outcomes)

    def html(self) -> str:
        """The page."""
        return "\n".join(
            [
                "<!doctype html>",
                '<html lang="en"><meta charset="utf-8"><title>Mayfly: proof of deletion</title>',
                f"<style>{_STYLE}</style>",
                "<h1>Mayfly: proof of deletion</h1>",
                f"<p>Made at {self.made_at:%Y-%m-%d %H:%M} UTC by <code>make prove</code>.</p>",
                _verdict(is_kept=self.is_kept),
                _INTRODUCTION,
                *(part for outcome in self.outcomes for part in _section(outcome)),
                "<h2>Versions</h2>",
                _table(sorted(self.versions.items())),
                "</html>",
            ]
        )

    def json(self) -> str:
        """All figures, for machines."""
        return json.dumps(
            {
                "kept": self.is_kept,
                "made_at": self.made_at.isoformat(),
                "versions": dict(self.versions),
                "bound_seconds": BOUND.total_seconds(),
                "runs": [facts(each) for each in self.outcomes],
            },
            indent=2,
        )


def facts(outcome: Outcome) -> dict[str, Any]:
    """A run in figures."""
    ledger = outcome.ledger
    return {
        "backend": outcome.backend,
        "seed": outcome.scenario.seed,
        "hours": outcome.scenario.hours,
        "seconds": round(outcome.seconds, 1),
        "kept": outcome.is_kept,
        "broken": ledger.broken,
        "violations": [{**asdict(each), "time": each.time.isoformat()} for each in ledger.violations],
        "lateness_seconds": _lateness(ledger.lateness),
        "sweeps": outcome.sweeps,
        "certificates": outcome.certificates,
        "certificate_problems": list(outcome.chain_problems),
        "tried": dict(sorted(ledger.tried.items())),
        "checked": dict(sorted(ledger.checked.items())),
    }


def pictures(outcome: Outcome) -> dict[str, str]:
    """Both, as SVG, by name."""
    ledger, where = outcome.ledger, outcome.backend
    late = f"Deletions by sweeps, by how late they were ({where})"
    return {
        "timeline": timeline(ledger, title=f"What there was ({where})"),
        "lateness": histogram(ledger.lateness, title=late),
    }


def _lateness(lateness: Sequence[timedelta]) -> dict[str, float]:
    seconds = sorted(each.total_seconds() for each in lateness) or [0.0]
    return {"deletions": len(lateness), "median": median(seconds), "most": seconds[-1]}


def _verdict(*, is_kept: bool) -> str:
    words = "Both promises were kept." if is_kept else "A promise was BROKEN."
    return f'<p class="verdict {"kept" if is_kept else "broken"}">{words}</p>'


def _section(outcome: Outcome) -> Iterator[str]:
    ledger, late = outcome.ledger, _lateness(outcome.ledger.lateness)
    yield f"<section><h2>Backend {escape(outcome.backend)}</h2>"
    yield (
        f"<p>{outcome.scenario.hours:g} virtual hours in {outcome.seconds:.0f} s, seed {outcome.scenario.seed}."
        f" {late['deletions']:,.0f} deletions by sweeps, half of them within {late['median'] / 60:.1f} minutes,"
        f" the last after {late['most'] / 60:.1f}. {outcome.certificates:,} certificates, whose chain"
        f" {'holds' if not outcome.chain_problems else 'is BROKEN'}.</p>"
    )
    yield from pictures(outcome).values()
    if not outcome.is_kept:
        yield "<h2>What was broken</h2>"
        told = [(each.promise, f"{moment(each.time)}: {each.what}") for each in ledger.violations]
        yield _table([*told, *(("certificates", problem) for problem in outcome.chain_problems)])
        yield f"<p>{ledger.broken:,} in all.</p>"
    yield "</section><section><h2>What was tried, and how often</h2>"
    for counts in (
        *_columns(ledger.tried),
        ledger.checked + Counter({f"sweeps that ended {k}": v for k, v in outcome.sweeps.items()}),
    ):
        yield _table((name, f"{count:,}") for name, count in sorted(counts.items()))
    yield "</section>"


def _columns(tried: Counter[str]) -> tuple[Counter[str], Counter[str]]:
    crashes = Counter({name: count for name, count in tried.items() if name.startswith("crashes")})
    return tried - crashes, crashes


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = [f'<tr><td>{escape(name)}<td class="n">{escape(value)}' for name, value in rows]
    return f"<table>{''.join(lines)}</table>"
