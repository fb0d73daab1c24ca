"""Benchmarks: each prints its figure, its peer's figure from the same run, and the ratio."""
