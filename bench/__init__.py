"""Benchmarks: ratios to a yardstick in the same run, because machines differ and are noisy."""
