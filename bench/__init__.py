"""Benchmarks: figures as ratios to a yardstick in the same run, since machines differ and are noisy."""
