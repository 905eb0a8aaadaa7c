"""The local set: storage, synth, sweeper and the gateway as processes of this machine. `python -m tools.stack up`."""
