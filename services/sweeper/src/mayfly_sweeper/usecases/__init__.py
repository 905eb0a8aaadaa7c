"""What the sweeper does: carry out one sweep, and remember the sweeps of a server."""
