"""The way out: storage, through its client."""
