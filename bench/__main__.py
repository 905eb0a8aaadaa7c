"""Run the benchmarks: `python -m bench`, `python -m bench unary synthesis`, `--json` for machines."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from bench import (
    first_sound,
    gateway_speech,
    hung,
    large_stores,
    large_upload,
    outage,
    processing,
    requests_per_save,
    rollouts,
    signing,
    slow_store,
    soak,
    speech_overload,
    speech_peers,
    speech_soak,
    storage_calls,
    sweep,
    sweep_requests,
    synthesis_throughput,
    unary_overhead,
    upload,
)
from bench.report import Row, as_json, as_markdown, show

if TYPE_CHECKING:
    from collections.abc import Callable

BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "unary": unary_overhead.run,
    "synthesis": synthesis_throughput.run,
    "first-sound": first_sound.run,
    "speech-peers": speech_peers.run,
    "gateway-speech": gateway_speech.run,
    "speech-overload": speech_overload.run,
    "speech-soak": speech_soak.run,
    "processing": processing.run,
    "signing": signing.run,
    "storage-calls": storage_calls.run,
    "upload": upload.run,
    "large-upload": large_upload.run,
    "requests-per-save": requests_per_save.run,
    "slow-store": slow_store.run,
    "outage": outage.run,
    "soak": soak.run,
    "large-stores": large_stores.run,
    "sweep": sweep.run,
    "sweep-requests": sweep_requests.run,
    "hung": hung.run,
    "rollouts": rollouts.run,
}

GROUPS = {"speech": ("synthesis", "first-sound", "speech-peers", "speech-overload", "speech-soak")}
"""Names for several of them."""


def main() -> None:
    """Run what was asked for; exit with 1 if a goal was missed."""
    known = ", ".join((*GROUPS, *BENCHMARKS))
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {known} (default: all)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print rows as JSON")
    how.add_argument("--markdown", action="store_true", help="print rows as a table for a document")
    arguments = parser.parse_args()
    names = [name for asked in arguments.names or BENCHMARKS for name in GROUPS.get(asked, (asked,))]
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; there are: {known}")
    # So that the servers that were started are stopped, whoever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(stderr=True)
    rows: list[Row] = []
    for name in names:
        with console.status(f"measuring {name} ..."):
            rows += BENCHMARKS[name]()
    if arguments.json:
        print(as_json(rows))
    elif arguments.markdown:
        print(as_markdown(rows))
    else:
        show(rows, Console())
    sys.exit(0 if all(row.is_reached for row in rows) else 1)


if __name__ == "__main__":
    main()
