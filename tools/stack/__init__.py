"""The local set: storage, synth and sweeper as processes of this machine. `python -m tools.stack up`."""
