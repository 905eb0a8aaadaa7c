"""`mayfly-synth` and `python -m mayfly_synth`."""

from __future__ import annotations

from mayfly_synth.cli import main

if __name__ == "__main__":
    main()
