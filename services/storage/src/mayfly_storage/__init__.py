"""Mayfly storage: keeps audio for exactly as long as it may live."""
