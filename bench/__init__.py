"""Benchmarks: each measures Mayfly and its limit (or peer) in the same run, and prints the ratio; `make bench`."""
